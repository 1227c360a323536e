"""What is sent: a chat message of a fixed size that says when it was due."""

import re
import time
from typing import Final

SIZE: Final = 200
"""Bytes of a message, without any frame."""
SERVER_CORE, LOAD_CORE = 0, 1
DUE: Final = re.compile(rb'"at": ?(\d{16})')
"""Microseconds of the monotonic clock, which all processes of a machine share."""
_EPOCH: Final = 10**15
"""Added, so that each stamp has sixteen digits."""
_TEMPLATE: Final = (
    '{"at":%d,"offset":%d,"channel":%d,"user":"some_viewer_27","name":"Some_Viewer_27",'
    '"colour":"#1e90ff","badges":["subscriber/6"],"text":"'
)


def message(channel: int, number: int, due: float) -> bytes:
    """The message of that number, due at that second."""
    head = _TEMPLATE % (_EPOCH + int(due * 1e6), number, channel)
    return (head + "x" * (SIZE - len(head) - 2) + '"}').encode()


def delay(stamp: bytes, at: float) -> float:
    """Seconds from when it was due."""
    return at - (int(stamp) - _EPOCH) / 1e6


def now() -> float:
    """Seconds, as messages say them."""
    return time.monotonic()
