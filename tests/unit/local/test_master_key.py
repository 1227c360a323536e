"""The local master key is made once, and only its owner reads it."""

import stat
from pathlib import Path

import pytest

from infra.errors import ConfigurationError
from infra.local.layout import Layout
from infra.local.master_key import keep_master_key, master_keys
from infra.sealing import new_master_key


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setenv("MILLRACE_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("MILLRACE_MASTER_KEY", raising=False)
    return Layout(tmp_path / "data", tmp_path)


def test_a_key_is_made_once(layout: Layout) -> None:
    keep_master_key(layout)
    text = layout.master_key.read_text()
    assert stat.S_IMODE(layout.master_key.stat().st_mode) == 0o600
    assert stat.S_IMODE(layout.master_key.parent.stat().st_mode) == 0o700
    sealed = master_keys().seal("p", "x")
    keep_master_key(layout)
    assert layout.master_key.read_text() == text
    assert master_keys().open("p", sealed) == "x"


def test_a_set_key_is_taken_and_none_is_made(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_MASTER_KEY", new_master_key())
    keep_master_key(layout)
    assert not layout.master_key.exists()
    assert master_keys().open("p", master_keys().seal("p", "x")) == "x"


def test_without_a_key_nothing_starts(layout: Layout) -> None:
    with pytest.raises(ConfigurationError, match="MILLRACE_MASTER_KEY is not set"):
        master_keys()
