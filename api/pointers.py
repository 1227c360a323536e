"""Where in a body something is wrong, as a JSON pointer (RFC 6901)."""

import re

import msgspec

_PART = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_AT = " - at `$"


def pointer_and_reason(error: msgspec.ValidationError) -> tuple[str, str]:
    """The pointer and the rule in an error of msgspec, which names the place as `$.events[3].key`.

    A place that msgspec does not know, such as a member of a map, ends the pointer.
    """
    reason, at, rest = str(error).rpartition(_AT)
    if not at:
        return "", rest
    parts = []
    for name, index in _PART.findall(rest.rstrip("`")):
        if index == "...":
            break
        parts.append(escaped(name or index))
    return "".join(f"/{part}" for part in parts), reason


def escaped(part: str) -> str:
    """One part of a pointer (RFC 6901, section 3)."""
    return part.replace("~", "~0").replace("/", "~1")
