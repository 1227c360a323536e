"""The pages' pure scripts, tested by Node's own runner."""

import json
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WEB = HERE.parents[2] / "web"


@pytest.mark.parametrize("script", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_script(script: str) -> None:
    done = subprocess.run(
        ["node", "--test", str(HERE / script)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lock_names_no_registry_and_every_digest() -> None:
    lock = json.loads((WEB / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    for name, package in packages.items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name


@pytest.mark.parametrize("page", ["index.html", "watch.html", "moderation.html", "recording.html"])
def test_pages_load_nothing_from_elsewhere_and_run_nothing_inline(page: str) -> None:
    text = (WEB / "static" / page).read_text()
    assert "http://" not in text
    assert "https://" not in text
    assert "<style" not in text
    assert " style=" not in text
    assert "<script>" not in text
    assert " onclick=" not in text
