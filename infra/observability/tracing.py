"""The `traceparent` header of messages (W3C Trace Context): a trace follows a correlation_id."""

import re
import uuid

import msgspec

_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://www.w3.org/TR/trace-context/")


class TraceParent(msgspec.Struct, frozen=True):
    """The trace that a message belongs to, and the step that wrote it."""

    trace_id: str
    """32 hex digits."""
    parent_id: str
    """16 hex digits."""


def traceparent(correlation_id: str, event_id: str) -> str:
    """The header of a message: the same ids give the same header, so that a replay repeats it."""
    return f"00-{_hex(correlation_id)}-{_hex(event_id)[-16:]}-01"


def parse(header: str) -> TraceParent | None:
    """What a header says; None if it is not one, which W3C has receivers treat as absent."""
    found = _FORM.fullmatch(header)
    if found is None or (header.startswith("00-") and found[3]):
        return None
    trace, parent = found[1], found[2]
    if not trace.strip("0") or not parent.strip("0"):
        return None
    return TraceParent(trace, parent)


def _hex(identity: str) -> str:
    """The 32 hex digits of a UUID; other ids are hashed to one."""
    try:
        return uuid.UUID(identity).hex
    except ValueError:
        return uuid.uuid5(_NAMESPACE, identity).hex
