"""Who took part in a poll or a prediction, in pages, so that thousands are cleared bit by bit."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from agents.engagement.payouts import share_of
from agents.engagement.state import PAGE, Closing, Purse, Stake, pages_of
from infra.streaming import Rows, Send
from schemas.records.engagement import PointsPaid

AT_ONCE: Final = 10
"""Pages that one message clears, of all that is over in its partition: about 150 kB of rows, of the
400 kB that a message may write (`infra.streaming.outbox.CHANGES_BYTES`)."""


@dataclass
class Crowds:
    """Tables of those who took part. Keys begin with the id of the poll or the prediction."""

    votes: Rows[int]
    """That a user has voted, by poll and user."""
    stakes: Rows[Stake]
    """By prediction and user."""
    pages: Rows[list[str]]
    """Users, in order of coming, by id and number of the page."""
    purses: Rows[Purse]
    """By channel and user."""

    def join(self, name: str, users: int, user_id: str) -> None:
        """Note a user. `users`: how many came before."""
        row = f"{name}/{users // PAGE}"
        self.pages[row] = [*(self.pages.get(row) or ()), user_id]

    def of(self, name: str, users: int) -> Iterator[tuple[str, Stake]]:
        """Who has staked what on a prediction."""
        for number in range(pages_of(users)):
            for user_id in self.pages[f"{name}/{number}"]:
                yield user_id, self.stakes[f"{name}|{user_id}"]

    def purse(self, channel_id: str, user_id: str) -> Purse:
        """What a user has in a channel."""
        return self.purses.get(f"{channel_id}|{user_id}") or Purse()

    def clear(self, name: str, closing: Closing, most: int, send: Send) -> Closing:
        """Pay and forget at most so many pages of users; how far that went."""
        until = min(closing.last, closing.pages + most)
        for number in range(closing.pages, until):
            row = f"{name}/{number}"
            for user_id in self.pages[row]:
                self._forget(name, closing, user_id, send)
            del self.pages[row]
        return replace(closing, pages=until)

    def _forget(self, name: str, closing: Closing, user_id: str, send: Send) -> None:
        row, shares = f"{name}|{user_id}", closing.shares
        if shares is None:
            del self.votes[row]
            return
        stake = self.stakes[row]
        del self.stakes[row]
        points = share_of(shares, user_id, stake)
        if not points:
            return
        channel_id = closing.channel_id
        purse = self.purse(channel_id, user_id)
        balance = purse.points + points
        self.purses[f"{channel_id}|{user_id}"] = replace(purse, points=balance)
        paid = PointsPaid(
            channel_id=channel_id,
            prediction_id=name,
            user_id=user_id,
            staked=stake.points,
            points=points,
            balance=balance,
            cause="payout" if shares.outcome_id else "refund",
        )
        send(paid, key=channel_id)
