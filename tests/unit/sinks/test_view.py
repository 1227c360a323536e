"""A view's declaration is kept: keys, columns, types, one change to a row."""

from typing import Any

import msgspec
import pytest

from infra.errors import InvalidRecord, NotFound
from infra.record import Envelope, Meta
from schemas.sources import topics
from sinks.rows import deleted, upserted
from sinks.view import Change, Delete, Upsert, View, changes
from sinks.views import VIEWS, view_named

MESSAGE = Envelope(Meta(event_id="e", occurred_at=0, producer="p", sequence=0), None)
NAMED = View(
    name="named",
    purpose="For tests.",
    topics=("t",),
    store="redis",
    key={"name": str, "at": int},
    columns={"text": str, "number": int},
    project=lambda message: [],
)


def projecting(*found: Change) -> View:
    return msgspec.structs.replace(NAMED, project=lambda message: list(found))


def test_changes_carry_the_version_of_their_message() -> None:
    view = projecting(Upsert(("a", 1), {"text": "x"}), Delete(("b", 2)))
    assert changes(view, MESSAGE, 8) == {
        ("a", 1): upserted({"text": "x"}, 8),
        ("b", 2): deleted(8),
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (Upsert("a", {"text": "x"}), "a key has the columns name, at"),
        (Upsert(("a", "1"), {"text": "x"}), "named.at is '1', must be int"),
        (Upsert(("a", True), {"text": "x"}), "named.at is True, must be int"),
        (Upsert(("", 1), {"text": "x"}), "named.name must have 1 to 1000 characters"),
        (Upsert(("a" * 1001, 1), {"text": "x"}), "must have 1 to 1000 characters"),
        (Upsert(("a", 1), {}), "at least one column"),
        (Upsert(("a", 1), {"colour": "red"}), "colour is not one of its columns"),
        (Upsert(("a", 1), {"number": "7"}), "named.number is '7', must be int"),
        (Upsert(("a", 1), {"number": True}), "named.number is True, must be int"),
        (Upsert(("a", 1), {"number": 1 << 63}), "64 bits"),
    ],
)
def test_a_change_that_breaks_the_declaration_is_refused(change: Change, reason: str) -> None:
    with pytest.raises(InvalidRecord, match=reason):
        changes(projecting(change), MESSAGE, 1)


def test_a_message_changes_a_row_once() -> None:
    view = projecting(Delete(("a", 1)), Upsert(("a", 1), {"text": "x"}))
    with pytest.raises(InvalidRecord, match="may change a row once"):
        changes(view, MESSAGE, 1)


def test_a_fault_in_a_projection_says_which_view() -> None:
    def broken(message: Any) -> list[Change]:
        raise KeyError("x")

    view = msgspec.structs.replace(NAMED, project=broken)
    with pytest.raises(InvalidRecord, match="named cannot project"):
        changes(view, MESSAGE, 1)


@pytest.mark.parametrize("view", VIEWS.values(), ids=lambda view: view.name)
def test_a_view_fits_the_topics_and_its_store(view: View) -> None:
    module = view.project.__module__
    assert module == f"sinks.views.{view.name.replace('-', '_')}"
    for topic in view.topics:
        found = topics()[topic]
        assert "views" in found.readers, f"{topic} does not name views as a reader"
        assert found.retention_ms == -1, f"{topic} is not kept, so {view.name} cannot be rebuilt"
        assert found.dead_letters, f"{topic} has nowhere to put what {view.name} cannot take"
    assert not view.key.keys() & view.columns.keys()
    assert set(view.newest_first) <= set(list(view.key)[1:])
    assert view.log_key is None or view.log_key in view.key
    assert view.store == "redis" or next(iter(view.key.values())) is str
    assert view.retention is None or view.store == "cassandra", "Redis keeps rows for good"


def test_an_unknown_view_lists_those_there_are() -> None:
    with pytest.raises(NotFound, match="live-channels"):
        view_named("life-channels")
