"""Decides what happens to channels and stream keys."""

from agents.identity.model import Channel, decide, evolve
from infra.streaming import Message, Send, Table


def decide_identities(message: Message, send: Send, *, channels: Table[Channel]) -> None:
    """Decide what a command does to its channel."""
    before = channels.get(message.key)
    channel = before
    for event in decide(before, message.event):
        channel = evolve(channel, event)
        send(event)
    if channel is not None and channel != before:
        channels[message.key] = channel
