"""Decides about follows, notes them by user, and undoes those of users who were erased."""

from collections.abc import Iterator
from typing import Final
from zlib import crc32

from agents.social.model import UNDONE_AT_ONCE, Command, Follower, Standing, decide, evolve, note
from infra.errors import InvalidRecord
from infra.streaming import Message, Send, Table
from schemas.records.clock import Tick
from schemas.records.social import (
    ChannelFollowed,
    ChannelUnfollowed,
    ForgetFollower,
    NoteFollow,
    UnfollowChannel,
)

SLOTS: Final = 64
"""Rows that a user's channels are spread over, so that each stays small."""


def decide_follows(
    message: Message, send: Send, *, follows: Table[int], counts: Table[int]
) -> None:
    """Decide what a command does to a follow. `follows`: since when, by channel and user."""
    if isinstance(message.event, Tick):
        return
    command: Command = message.event
    if command.channel_id != message.key:
        raise InvalidRecord(f"channel_id is {command.channel_id}, must be the key of the message")
    row = f"{command.channel_id}|{command.user_id}"
    before = Standing(follows.get(row), counts.get(command.channel_id, 0))
    event = decide(before, command, now=message.meta.occurred_at)
    send(event)
    after = evolve(before, event)
    if after == before:
        return
    counts[command.channel_id] = after.followers
    if after.followed_at is None:
        del follows[row]
    else:
        follows[row] = after.followed_at


def forward_follows(message: Message, send: Send) -> None:
    """Note what changed under the user, whose partition is another than the channel's."""
    match message.event:
        case ChannelFollowed(user_id=user, channel_id=channel):
            send(NoteFollow(user_id=user, channel_id=channel, follows=True), key=user)
        case ChannelUnfollowed(user_id=user, channel_id=channel):
            send(NoteFollow(user_id=user, channel_id=channel, follows=False), key=user)


def note_follows(
    message: Message, send: Send, *, followers: Table[Follower], noted: Table[list[str]]
) -> None:
    """Keep what a user follows, until they are erased: then undo it.

    `noted`: channels by user and slot.
    """
    match message.event:
        case NoteFollow() as said if said.user_id == message.key:
            _note(said, send, followers, noted)
        case ForgetFollower(user_id=user) if user == message.key:
            _forget(user, send, followers, noted)
        case NoteFollow() | ForgetFollower():
            raise InvalidRecord("user_id must be the key of the message")


def _note(
    said: NoteFollow, send: Send, followers: Table[Follower], noted: Table[list[str]]
) -> None:
    row = f"{said.user_id}|{crc32(said.channel_id.encode()) % SLOTS}"
    before, known = followers.get(said.user_id, Follower()), frozenset(noted.get(row, []))
    after, channels, undo = note(before, known, said)
    if undo:
        _undo(said.channel_id, said.user_id, send)
    if after != before:
        followers[said.user_id] = after
    if channels and channels != known:
        noted[row] = sorted(channels)
    elif known and not channels:
        del noted[row]


def _forget(user: str, send: Send, followers: Table[Follower], noted: Table[list[str]]) -> None:
    """Undo what there is, slot by slot, and come back for the rest."""
    undone = 0
    for row in _rows(user, noted):
        if undone >= UNDONE_AT_ONCE:
            send(ForgetFollower(user_id=user), key=user, topic="follower-commands")
            break
        channels = noted[row]
        for channel in channels:
            _undo(channel, user, send)
        del noted[row]
        undone += len(channels)
    left = followers.get(user, Follower()).follows - undone
    followers[user] = Follower(follows=left, erased=True)


def _rows(user: str, noted: Table[list[str]]) -> Iterator[str]:
    for slot in range(SLOTS):
        row = f"{user}|{slot}"
        if row in noted:
            yield row


def _undo(channel: str, user: str, send: Send) -> None:
    send(UnfollowChannel(channel_id=channel, user_id=user), key=channel)
