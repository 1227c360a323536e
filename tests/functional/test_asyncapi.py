"""The AsyncAPI document, judged by AsyncAPI's own parser with its Avro plugin."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from schemas import asyncapi, sources

TOOL = Path(__file__).parent.parent / "tools" / "asyncapi"


@pytest.fixture(scope="session")
def validator() -> Path:
    if not (TOOL / "node_modules" / "@asyncapi" / "parser").exists():
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=TOOL, check=True)
    return TOOL / "validate.mjs"


def judge(validator: Path, folder: Path, text: str) -> Any:
    file = folder / "asyncapi.yaml"
    file.write_text(text)
    done = subprocess.run(["node", validator, file], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_document_is_valid_and_has_every_topic(validator: Path, tmp_path: Path) -> None:
    found = judge(validator, tmp_path, asyncapi.text())
    assert found == {"problems": [], "channels": list(sources.topics())}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("action: send", "action: shout"), ("type: record", "type: recorded")],
)
def test_a_wrong_document_is_found(validator: Path, tmp_path: Path, right: str, wrong: str) -> None:
    text = asyncapi.text()
    assert right in text
    assert judge(validator, tmp_path, text.replace(right, wrong, 1))["problems"]
