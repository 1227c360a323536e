"""The run loop: agents as plain functions on Kafka, with exact state and nothing skipped."""

from infra.streaming.apart import Built, MakesTables, Rows, TablesApart
from infra.streaming.app import STOPPED, App, Config, make_app
from infra.streaming.derived import Derived
from infra.streaming.journal import topic_of as journal_topic_of
from infra.streaming.run import run
from infra.streaming.tables import Table
from infra.streaming.wire import Handler, Message, Send

__all__ = [
    "STOPPED",
    "App",
    "Built",
    "Config",
    "Derived",
    "Handler",
    "MakesTables",
    "Message",
    "Rows",
    "Send",
    "Table",
    "TablesApart",
    "journal_topic_of",
    "make_app",
    "run",
]
