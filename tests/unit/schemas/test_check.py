"""The gate over topic and schema files: it passes what is right, and each rule can fail."""

import itertools
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from infra.errors import ConfigurationError
from schemas import check, compatibility, release, rules, sources

FIXTURES = Path(__file__).parent / "fixtures"
BAD = sorted(path.name for path in (FIXTURES / "bad").iterdir())


def tree(folder: Path, overlay: str = "") -> Path:
    """The good files, with those of a bad fixture laid over them."""
    root = folder / "schemas"
    shutil.copytree(FIXTURES / "good", root)
    if overlay:
        shutil.copytree(FIXTURES / "bad" / overlay, root, dirs_exist_ok=True)
    return root


def change(root: Path, path: str, **values: Any) -> None:
    file = root / path
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_our_own_files_break_no_rule() -> None:
    assert check.check() == []


def test_good_files_break_no_rule(tmp_path: Path) -> None:
    assert check.check(tree(tmp_path)) == []


@pytest.mark.parametrize("rule", BAD)
def test_a_bad_fixture_breaks_its_rule_and_no_other(tmp_path: Path, rule: str) -> None:
    assert {problem.rule for problem in check.check(tree(tmp_path, rule))} == {rule}


def test_every_rule_has_a_bad_fixture() -> None:
    source = "".join(
        Path(str(module.__file__)).read_text() for module in (rules, compatibility, check)
    )
    assert set(re.findall(r'[pP]roblem\(\s*"([a-z-]+)"', source)) == set(BAD)


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "doc": "A field.", **more}


def enum(*symbols: str) -> dict[str, Any]:
    return {"type": "enum", "name": "Way", "symbols": list(symbols), "default": "unknown"}


def record(*fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "record",
        "name": "R",
        "namespace": "n",
        "doc": "A record.",
        "fields": [*fields],
    }


@pytest.mark.parametrize(
    ("old", "new", "fits"),
    [
        (record(), record(field("a", ["null", "string"], default=None)), True),
        (record(field("a", "string", default="")), record(), True),
        (record(), record(field("a", "string")), False),
        (record(field("a", "string")), record(), False),
        (record(field("a", "int")), record(field("a", "long")), False),
        (record(field("a", "string")), record(field("a", "bytes")), True),
        (record(field("a", "string")), record(field("b", "string")), False),
        (record(field("a", ["null", "string"])), record(field("a", "string")), False),
        (record(field("a", enum("x", "unknown"))), record(field("a", enum("y", "unknown"))), True),
    ],
)
def test_compatible_means_in_both_directions(
    old: dict[str, Any], new: dict[str, Any], fits: bool
) -> None:
    pairs = itertools.permutations((old, new))
    assert all(not compatibility._unreadable(*pair) for pair in pairs) == fits


def test_every_release_counts_not_only_the_last(tmp_path: Path) -> None:
    root = tree(tmp_path, "compatibility")
    schemas, topics = sources.schemas(root), sources.released(root)[0].topics
    (root / "released" / "0.2.0.json").write_bytes(
        release.encoded(
            sources.Snapshot(
                version="0.2.0",
                schemas={number: schemas[name] for name, number in sources.ids(root).items()},
                topics=topics,
            )
        )
    )
    sources.released.cache_clear()
    problems = check.check(root)
    assert [problem.rule for problem in problems] == ["compatibility"]
    assert "0.1.0" in problems[0].text


def test_an_id_that_was_released_is_never_given_to_another(tmp_path: Path) -> None:
    root = tree(tmp_path)
    change(root, "ids.lock", **{"millrace.mill.WheelTurned": 1, "millrace.mill.TurnWheel": 2})
    assert {problem.rule for problem in check.check(root)} == {"id"}


def test_a_release_freezes_schemas_ids_and_topics(tmp_path: Path) -> None:
    root = tree(tmp_path)
    path = release.freeze("0.2.0", root)
    sources.released.cache_clear()
    first, second = sources.released(root)
    assert path.name == "0.2.0.json"
    assert (second.schemas, second.topics) == (first.schemas, first.topics)


@pytest.mark.parametrize("version", ["0.1.0", "1.2", "../../x"])
def test_a_release_is_written_once_under_a_version(tmp_path: Path, version: str) -> None:
    with pytest.raises(ConfigurationError):
        release.freeze(version, tree(tmp_path))


def test_files_that_break_a_rule_are_not_released(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="1 problems"):
        release.freeze("0.2.0", tree(tmp_path, "retention"))


def test_releases_are_ordered_by_number(tmp_path: Path) -> None:
    root = tree(tmp_path)
    for version in ("0.10.0", "0.9.0"):
        release.freeze(version, root)
    sources.released.cache_clear()
    assert [each.version for each in sources.released(root)] == ["0.1.0", "0.9.0", "0.10.0"]
