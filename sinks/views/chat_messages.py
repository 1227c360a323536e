"""Where each message of a chat lies: its channel, and its time once it was sent."""

from infra.record import Envelope
from schemas.records.chat import MessageHeld, MessageSent
from sinks.retention import time_of_id
from sinks.rows import Columns
from sinks.view import Change, Retention, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A message has a row from when it is sent or held on."""
    match message.event:
        case MessageHeld() as held:
            return [Upsert(held.message_id, {"channel_id": held.channel_id})]
        case MessageSent() as sent:
            columns: Columns = {"channel_id": sent.channel_id, "sent_at": message.meta.occurred_at}
            return [Upsert(sent.message_id, columns)]
    return []


VIEW = View(
    name="chat-messages",
    purpose="Where each message lies in the history of chats, by its id.",
    topics=("chat-events",),
    store="cassandra",
    key={"message_id": str},
    columns={"channel_id": str, "sent_at": int},
    project=project,
    retention=Retention("chat-history", time_of_id(0)),
)
