"""The pages as they are served: built in one go, small, and missed clearly."""

import gzip
import os
import re
from pathlib import Path

import pytest

import web
from infra.errors import ConfigurationError
from web import build

TEXTS = ("*.html", "*.js", "*.css", "*.svg")


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    if not build.current():
        build.build()


def served(*patterns: str) -> list[Path]:
    return [path for pattern in patterns for path in web.BUILT.glob(pattern)]


def test_every_text_lies_there_zipped_too() -> None:
    texts = served(*TEXTS)
    assert {path.name for path in texts} >= {"index.html", "watch.html", "watch.js", "style.css"}
    for path in texts:
        zipped = path.with_name(f"{path.name}.gz")
        assert gzip.decompress(zipped.read_bytes()) == path.read_bytes(), path.name


@pytest.mark.parametrize("page", ["index.html", "watch.html", "moderation.html"])
def test_what_a_page_names_is_there_and_imports_nothing_more(page: str) -> None:
    text = (web.BUILT / page).read_text()
    named = re.findall(r'/static/([^"]+)', text)
    (at_once,) = re.findall(r'<script src="/static/([^"]+)"', text)
    assert "prefers-color-scheme" in (web.BUILT / at_once).read_text(), (
        "colours before the first paint"
    )
    for name in named:
        assert (web.BUILT / name).exists(), name
        assert not re.search(r'(^|;)import[ {"*]', (web.BUILT / name).read_text()), name


def test_scripts_run_at_once_leave_no_names_behind() -> None:
    for name in ("early.js", "theme.js"):
        assert (web.BUILT / name).read_text().startswith("(()=>{"), name


def test_a_change_of_the_source_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    newer = tmp_path / "steering.js"
    newer.write_text("export {};")
    made = (web.BUILT / "watch.html.gz").stat().st_mtime
    os.utime(newer, (made - 10, made - 10))
    monkeypatch.setattr(build, "STATIC", tmp_path)
    assert build.current()
    os.utime(newer, (made + 10, made + 10))
    assert not build.current()


def test_pages_that_were_never_built_are_missed_with_what_to_type(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(web, "BUILT", tmp_path / "built")
    with pytest.raises(ConfigurationError, match="make web"):
        web.built()
