"""Where messages lie whose id does not lead to them: their channel, and their time once sent."""

from infra.record import Envelope
from schemas.chat_messages import says
from schemas.records.chat import MessageHeld, MessageSent
from sinks.retention import time_of_id
from sinks.rows import Columns
from sinks.view import Change, Retention, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A message has a row from when it is held on, or sent with an id that says another time."""
    at = message.meta.occurred_at
    match message.event:
        case MessageHeld() as held:
            return [Upsert(held.message_id, {"channel_id": held.channel_id})]
        case MessageSent() as sent if not says(sent.message_id, at):
            columns: Columns = {"channel_id": sent.channel_id, "sent_at": at}
            return [Upsert(sent.message_id, columns)]
    return []


VIEW = View(
    name="chat-messages",
    purpose="Where messages lie in the history of chats whose id does not say it.",
    topics=("chat-events",),
    store="cassandra",
    key={"message_id": str},
    columns={"channel_id": str, "sent_at": int},
    project=project,
    retention=Retention("chat-history", time_of_id(0)),
)
