"""A back-test's report on a terminal."""

import asyncio
from pathlib import Path

import pytest

from agents.chat.backtest import Changes
from infra.errors import InvalidRecord, NotFound
from millrace import console
from millrace.backtests import changes_in
from millrace.commands.backtest import show
from tests.functional.agents.chats_on_the_log import decide, said


def test_a_report_for_people() -> None:
    log = asyncio.run(decide([(0, said("fine")), (5, said("buy\x1b[2J now")), (9, said("buy"))]))
    changes = Changes.read({"terms": {"add": ["buy"], "remove": ["heck"]}})
    with console.console.capture() as shown:
        show("demo", log.back_test(0, 3, changes))
    text = shown.get()
    assert "3 messages" in text
    assert "sent → rejected (blocked-term): 2 of 1 user" in text
    assert "mallory: buy\N{REPLACEMENT CHARACTER}[2J now" in text
    assert "removed 0 messages and let 3 stand" in " ".join(text.split())
    assert "'heck' was not blocked" in text


def test_no_difference_is_said() -> None:
    log = asyncio.run(decide([(0, said("fine"))]))
    with console.console.capture() as shown:
        show("demo", log.back_test(0, 1))
    assert "No verdict changes." in shown.get()


def test_a_file_of_changes(tmp_path: Path) -> None:
    toml, yaml = tmp_path / "try.toml", tmp_path / "try.yaml"
    toml.write_text('[settings]\nslow_seconds = 7\n[terms]\nadd = ["heck"]\n')
    yaml.write_text("settings:\n  slow_seconds: 7\nterms:\n  add:\n    - heck\n")
    assert changes_in(toml) == changes_in(yaml)
    assert changes_in(yaml).settings.slow_seconds == 7
    yaml.write_text("")
    assert changes_in(yaml) == Changes()
    yaml.write_text("limits:\n  burst: many\n")
    with pytest.raises(InvalidRecord, match=r"try.yaml: .*\$.limits.burst"):
        changes_in(yaml)
    toml.write_text("[settings")
    with pytest.raises(InvalidRecord, match=r"try\.toml"):
        changes_in(toml)
    with pytest.raises(NotFound, match="no file"):
        changes_in(tmp_path / "other.toml")
