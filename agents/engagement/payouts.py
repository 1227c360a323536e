"""Who gets what of a prediction: whole points, of which none is lost and none is made. Pure."""

from collections.abc import Iterable

from agents.engagement.state import Shares, Stake


def refunds(pool: int) -> Shares:
    """Everybody gets their stake back."""
    return Shares(pool=pool, outcome_id="", staked=pool, remainder=0)


def shares(pool: int, outcome_id: str, stakes: Iterable[tuple[str, Stake]]) -> Shares:
    """The pool belongs to those who staked on the outcome. `stakes`: of all users, by user."""
    winners = [(user, each.points) for user, each in stakes if each.outcome_id == outcome_id]
    staked = sum(points for _, points in winners)
    if not staked:
        return refunds(pool)
    left = pool - sum(points * pool // staked for _, points in winners)
    if not left:
        return Shares(pool, outcome_id, staked, remainder=staked)
    ranked = sorted((-(points * pool % staked), user) for user, points in winners)
    remainder, last = ranked[left - 1]
    return Shares(pool, outcome_id, staked, -remainder, last)


def share_of(shares: Shares, user_id: str, stake: Stake) -> int:
    """What a user gets."""
    if not shares.outcome_id:
        return stake.points
    if stake.outcome_id != shares.outcome_id:
        return 0
    share, remainder = divmod(stake.points * shares.pool, shares.staked)
    return share + ((-remainder, user_id) <= (-shares.remainder, shares.user_id))
