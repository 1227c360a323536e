"""What of a message is stored and shown: composed, trimmed, nothing unseen, nothing stacked high.

What is assigned and what composes is that of `unicodedata`, which goes with the release of Python.
"""

import re
import unicodedata
from typing import Final

from infra.errors import Refused

LENGTH: Final = 500
"""Code points of a message at most, counted after it was made sane."""
RAW_LENGTH: Final = 4_000
"""Code points that are looked at at most; a longer text is refused unread."""
MARKS: Final = 3
"""Combining marks on one base at most. Living scripts need no more."""

_EMOJI = "\u2190-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_PRESENTED = _EMOJI + "\u00a9\u00ae\u203c\u2049\u2122\u2139\u3030\u303d\u3297\u3299"
_JOINING = "\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u18aa\ufb50-\ufdff\ufe70-\ufefc"
_FORMS = "\ufe0e\ufe0f"
_UNSEEN = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e001f\U000e0080-\U000e0fff"
)
"""Controls, direction overrides, fillers, selectors and whatever else draws nothing anywhere.
White space is not among them: it becomes a space."""
_TAGS = "\U000e0020-\U000e007f"
_SUSPECT = re.compile(f"[{_UNSEEN}{_FORMS}\u200c\u200d{_TAGS}]")
_REMOVED = re.compile(
    # A flag of a region keeps its tags (UTS #51, emoji tag sequence).
    f"(\U0001f3f4[\U000e0020-\U000e007e]{{2,6}}\U000e007f)|[{_UNSEEN}{_TAGS}]"
    # Joiners stay between letters of scripts that join, and a ZWJ between emoji.
    rf"|(?<![{_JOINING}])\u200c|\u200c(?![{_JOINING}])|\u200c(?!\w)"
    rf"|(?:(?<![{_JOINING}{_EMOJI}{_FORMS}])|(?<![{_EMOJI}][{_FORMS}])(?<=[{_FORMS}]))\u200d"
    rf"|(?<=[{_JOINING}])\u200d(?:(?![{_JOINING}])|(?!\w))"
    rf"|(?<=[{_EMOJI}{_FORMS}])\u200d(?![{_EMOJI}])"
    # Selectors of a presentation stay behind what has one, and in keycaps.
    rf"|(?<![{_PRESENTED}0-9#*])[{_FORMS}]|(?<=[0-9#*])[{_FORMS}](?!\u20e3)"
)
_MAY_STACK = re.compile(
    r"[^\w\s!-~\xa1-\xbf\u200c-\u200d\u2010-\u20cf\u2100-\u2bff\u3001-\u3029\u3030-\u303f\ufe0e-\ufe0f"
    "\U0001f000-\U0001faff]"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")
_BLANK = " \u2800\u200c\u200d\ufe0e\ufe0f"


class Unsound(Refused):
    """A text that cannot be a message: `message-empty` or `message-too-long`."""


def sane(text: str) -> str:
    """The text as it is stored and shown; a sane text stays as it is.

    Composed (NFC), trimmed, each run of white space one space; without controls, overrides of
    direction and invisible characters (joiners stay where emoji or scripts need them), without
    combining marks beyond `MARKS` on a base. Raises `Unsound` if nothing is left, or more than
    `LENGTH` code points are.
    """
    if len(text) > RAW_LENGTH:
        raise Unsound("message-too-long", f"a message has {LENGTH} characters at most")
    if not text.isascii():
        text = _sane_unicode(text)
    elif not text.isprintable():
        text = " ".join(_CONTROLS.sub("", text).split())
    elif "  " in text or text[:1] == " " or text[-1:] == " ":
        text = " ".join(text.split())
    if not text:
        raise Unsound("message-empty", "a message has at least one visible character")
    if len(text) > LENGTH:
        raise Unsound("message-too-long", f"a message has {LENGTH} characters at most")
    return text


def _sane_unicode(text: str) -> str:
    if _SUSPECT.search(text):
        text = _REMOVED.sub(r"\1", text)
    text = unicodedata.normalize("NFC", text)
    if _MAY_STACK.search(text):
        text = _unstacked(text)
        if _SUSPECT.search(text):
            text = _REMOVED.sub(r"\1", text)
    text = " ".join(text.split())
    return text if text.strip(_BLANK) else ""


def _unstacked(text: str) -> str:
    """The text without marks that have no base, or stand on one with `MARKS` others."""
    kept, marks = [], MARKS
    for each in text:
        category = unicodedata.category(each)
        if category in ("Mn", "Me"):
            marks += 1
            if marks > MARKS:
                continue
        elif category != "Cf":
            marks = MARKS if each.isspace() else 0
        kept.append(each)
    return "".join(kept)
