"""The layout holds: rules are pure."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RULES = (
    "model",
    "checks",
    "applications",
    "progress",
    "subscribers",
    "ladder",
    "rows",
    "order",
    "pool",
    "draft",
    "room",
    "sharing",
    "balance",
    "case",
    "streams",
    "workers",
    "reservations",
    "limits",
    "messages",
    "moderation",
    "recent",
    "rules",
    "settings",
    "state",
    "polls",
    "predictions",
    "raids",
    "payouts",
    "wording",
    "saying",
)
MODELS = sorted(path for name in RULES for path in ROOT.glob(f"agents/*/{name}.py"))
PURE = {
    "bisect",
    "collections",
    "dataclasses",
    "enum",
    "functools",
    "heapq",
    "itertools",
    "math",
    "msgspec",
    "re",
    "typing",
    "zlib",
}
KNOWN = {"infra.once", "infra.record", "schemas.chat_badges", "schemas.chat_roles", "uuid.uuid5"}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "uuid":
            found |= {f"uuid.{name.name}" for name in node.names if name.name.islower()}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", MODELS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_rule_imports_records_and_what_can_neither_read_nor_guess(path: Path):
    """No clock, no randomness, no I/O: a replay decides the same."""
    foreign = {
        name
        for name in imports(path)
        if name.split(".")[0] not in PURE
        and not name.startswith("schemas.records")
        and name not in KNOWN | {f"agents.{path.parent.name}", f"agents.{path.parent.name}.text"}
        and name not in {f"agents.{path.parent.name}.{rules}" for rules in RULES}
    }
    assert foreign == set()


def test_there_are_models_to_look_at():
    assert len(MODELS) >= 2
