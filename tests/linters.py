"""Linters of playlists that others wrote."""

import json
import subprocess
from functools import cache
from pathlib import Path

TOOLS = Path(__file__).parent / "tools"


@cache
def _installed() -> Path:
    if not (TOOLS / "node_modules" / "hls-parser").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=TOOLS, check=True)
    return TOOLS / "lint-playlists.mjs"


def hls_parser(playlists: list[str]) -> list[str | None]:
    """What hls-parser in strict mode says of each playlist: None is good."""
    verdicts = subprocess.run(
        ["node", _installed()],
        input=json.dumps(playlists),
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[str | None] = json.loads(verdicts.stdout)
    return found
