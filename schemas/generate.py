"""Writes every generated file: `python -m schemas.generate`, or `--check` to only compare.

Records, ids, the AsyncAPI document, the topic catalogue and the settings reference are all made
here from the reviewed files, so that nothing is said twice by hand.
"""

import json
import subprocess
import sys
from pathlib import Path

from infra import settings_reference
from schemas import asyncapi, catalogue, sources, structs

REPOSITORY = sources.ROOT.parent


def locked_ids(root: Path = sources.ROOT) -> dict[str, int]:
    """The ids in force; a schema that is new, or changed since its release, gets the next one."""
    path = root / "ids.lock"
    locked: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    released = {
        number: schema
        for snapshot in sources.released(root)
        for number, schema in snapshot.schemas.items()
    }
    for name, schema in sources.schemas(root).items():
        if name not in locked or released.get(locked[name], schema) != schema:
            locked[name] = max((*locked.values(), *released), default=0) + 1
    return locked


def outputs() -> dict[Path, str]:
    """The text of every generated file by path."""
    records = sources.ROOT / "records"
    reference = REPOSITORY / "docs" / "reference"
    return {
        sources.ROOT / "ids.lock": json.dumps(locked_ids(), indent=2) + "\n",
        **{records / name: _formatted(text) for name, text in structs.modules().items()},
        reference / "asyncapi.yaml": asyncapi.text(),
        reference / "topics.md": catalogue.text(),
        reference / "settings.md": settings_reference.markdown(),
        REPOSITORY / ".env.example": settings_reference.env_example(),
    }


def stale() -> list[Path]:
    """The generated files that are not as they would be written now."""
    return [
        path for path, text in outputs().items() if not path.exists() or path.read_text() != text
    ]


def write() -> None:
    """Write every generated file: ids first, because the reference tells them."""
    ids = locked_ids()
    (sources.ROOT / "ids.lock").write_text(json.dumps(ids, indent=2) + "\n")
    sources.ids.cache_clear()
    for path, text in outputs().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _formatted(source: str) -> str:
    ruff = [sys.executable, "-m", "ruff", "format", "--quiet"]
    done = subprocess.run(
        [*ruff, "--stdin-filename", "schemas/records/any.py", "-"],
        input=source, capture_output=True, text=True, check=True, cwd=REPOSITORY,
    )  # fmt: skip
    return done.stdout


if __name__ == "__main__":
    if "--check" in sys.argv:
        found = stale()
        sys.exit(f"stale, run `make generate`: {', '.join(map(str, found))}" if found else 0)
    write()
