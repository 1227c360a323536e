"""Turns publisher facts into commands, and commands into what happened to streams."""

from agents.broadcast.model import Rules, Stream, decide, evolve, heard
from infra.streaming import Message, Send, Table
from schemas.records.broadcast import CloseSession, OpenSession, TouchSession
from schemas.records.clock import Tick
from schemas.records.ingest import PublishProgressed, PublishStarted, PublishStopped


def forward_publishes(message: Message, send: Send) -> None:
    """Say what publishers did as commands of this context, so that one topic orders all input."""
    match message.event:
        case PublishStarted(channel_id=channel, session_id=session):
            send(OpenSession(channel_id=channel, session_id=session))
        case PublishProgressed(channel_id=channel, session_id=session, received_bytes=size):
            send(TouchSession(channel_id=channel, session_id=session, received_bytes=size))
        case PublishStopped(channel_id=channel, session_id=session, reason=reason):
            send(CloseSession(channel_id=channel, session_id=session, reason=reason))


def decide_broadcasts(
    message: Message, send: Send, *, streams: Table[Stream], rules: Rules
) -> None:
    """Decide what a command does to the channel's stream; a tick concerns every stream here."""
    channels = (
        [key for key, _ in streams.items()] if isinstance(message.event, Tick) else [message.key]
    )
    now = message.meta.occurred_at
    for channel in channels:
        before = streams.get(channel)
        stream = before
        for event in decide(before, message.event, now=now, rules=rules):
            stream = evolve(stream, event)
            send(event, key=channel)
        stream = heard(stream, message.event, now=now)
        if stream is None and before is not None:
            del streams[channel]
        elif stream is not None and stream != before:
            streams[channel] = stream
