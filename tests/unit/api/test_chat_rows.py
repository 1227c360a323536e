"""Which messages of a history stand, and which were taken out."""

from typing import Any

import pytest

from api.v1.chat_rows import EVERYBODY, Said, deleted_at, message_of


def said(**more: Any) -> Said:
    return Said(channel_id="c", sent_at=10, message_id="m", user_id="u", **more)


@pytest.mark.parametrize(
    ("row", "purges", "at"),
    [
        (said(), {}, None),
        (said(), {"u": 9}, None),
        (said(), {"u": 10}, 10),
        (said(), {"v": 20}, None),
        (said(), {EVERYBODY: 30, "u": 20}, 20),
        (said(), {EVERYBODY: 30, "u": 5}, 30),
        (said(deleted_at=12), {"u": 20}, 12),
    ],
)
def test_a_message_is_gone_by_itself_or_with_others(
    row: Said, purges: dict[str, int], at: int | None
) -> None:
    assert deleted_at(row, purges) == at


def test_a_row_is_shown_with_its_badges_emotes_and_what_it_answers() -> None:
    emotes = '[{"id":"1","start":0,"end":4}]'
    shown = message_of(said(badges='["vip/1"]', emotes=emotes, reply_to="n"), None)
    assert (shown.badges, shown.emotes[0].end, shown.deleted_at) == (["vip/1"], 4, None)
    assert shown.reply is not None
    assert shown.reply.message_id == "n"
