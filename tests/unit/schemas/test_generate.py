"""Generated files are current, and say what their sources say."""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from infra import settings_reference
from schemas import asyncapi, catalogue, generate, sources

GOOD = Path(__file__).parent / "fixtures" / "good"


def test_what_is_committed_is_what_would_be_generated() -> None:
    assert generate.stale() == []


def test_a_new_schema_gets_the_next_id_and_others_keep_theirs(tmp_path: Path) -> None:
    root = shutil.copytree(GOOD, tmp_path / "schemas")
    sold = json.loads((root / "avro/mill/TurnWheel.v1.avsc").read_text()) | {"name": "MillSold"}
    (root / "avro/mill/MillSold.v1.avsc").write_text(json.dumps(sold))
    assert generate.locked_ids(root) == {
        "millrace.mill.TurnWheel": 1,
        "millrace.mill.WheelTurned": 2,
        "millrace.mill.MillSold": 3,
    }


def test_a_schema_that_changed_since_its_release_gets_a_new_id(tmp_path: Path) -> None:
    root = shutil.copytree(GOOD, tmp_path / "schemas")
    path = root / "avro/mill/TurnWheel.v1.avsc"
    path.write_text(path.read_text().replace("Asks for a turn.", "Asks for one turn."))
    assert generate.locked_ids(root)["millrace.mill.TurnWheel"] == 3
    assert generate.locked_ids(root)["millrace.mill.WheelTurned"] == 2


def test_an_id_of_a_released_schema_is_never_given_again(tmp_path: Path) -> None:
    root = shutil.copytree(GOOD, tmp_path / "schemas")
    (root / "ids.lock").write_text(json.dumps({"millrace.mill.TurnWheel": 1}))
    assert generate.locked_ids(root)["millrace.mill.WheelTurned"] == 3


def test_every_reference_in_the_asyncapi_document_leads_somewhere() -> None:
    document = yaml.safe_load(asyncapi.text())
    found = list(references(document))
    assert found
    for reference in found:
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def references(node: Any) -> Any:
    match node:
        case {"$ref": str(reference)}:
            yield reference
        case dict():
            for value in node.values():
                yield from references(value)
        case list():
            for value in node:
                yield from references(value)


def test_the_catalogue_shows_every_topic_record_and_field() -> None:
    page = catalogue.text()
    for topic in sources.topics().values():
        assert f"\n## {topic.name}\n" in page
        for event in topic.events:
            assert f"`{event}`, schema id {sources.ids()[event]}." in page
            assert all(f"| `{f['name']}` |" in page for f in sources.schemas()[event]["fields"][1:])


def test_every_setting_is_documented_with_its_variable_and_default() -> None:
    text = settings_reference.env_example()
    assert "#MILLRACE_KAFKA_BOOTSTRAP=127.0.0.1:9092\n" in text
    for section in settings_reference.sections():
        assert section.__doc__
        assert all(field.description for field in section.model_fields.values()), section
