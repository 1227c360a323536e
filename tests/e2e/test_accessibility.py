"""No page has a serious issue in the eyes of axe-core, in light or dark."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.axe import serious
from tests.e2e.conftest import Running


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(color_scheme=request.param)
    yield context.new_page()
    context.close()


def test_the_checker_sees_what_is_wrong(page: Page) -> None:
    page.set_content("<html lang='en'><title>x</title><main><h1>x</h1><img src=''></main></html>")
    assert [issue.split(":")[0] for issue in serious(page)] == ["image-alt"]


def test_browsing_an_empty_platform(running: Running, page: Page) -> None:
    page.goto(running.url)
    expect(page.locator("#empty")).to_be_visible()
    assert serious(page) == []
