import hashlib
from collections.abc import Mapping
from typing import Any

import pytest

from media.ingest.keys import channel_of

KEY = "live_abc123_" + "s" * 48


class Keys:
    def __init__(self) -> None:
        self.asked: list[str] = []

    async def lookup(self, key_id: str) -> Mapping[str, Any] | None:
        self.asked.append(key_id)
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        return {"channel_id": "c1", "key_digest": digest} if key_id == "abc123" else None


async def test_a_valid_key_names_its_channel() -> None:
    assert await channel_of(KEY, Keys()) == "c1"


@pytest.mark.parametrize(
    ("key", "asked"),
    [
        (KEY[:-1] + "x", "abc123"),
        (KEY + "s", "abc123"),
        ("live_other_" + "s" * 48, "other"),
        ("", "none"),
        ("live_abc123_", "none"),
        ("live_abc123_" + "s" * 500, "none"),
        ("live_a:b*_" + "s" * 48, "none"),
        ("x" + KEY, "none"),
    ],
)
async def test_other_keys_name_nothing_but_are_looked_up_all_the_same(key: str, asked: str) -> None:
    keys = Keys()
    assert await channel_of(key, keys) is None
    assert keys.asked == [asked]
