"""What axe-core, a checker for accessibility, finds wrong with the page that a browser shows."""

from functools import cache

from playwright.sync_api import Page

from web.build import PACKAGES

_GRAVE = ("serious", "critical")


def serious(page: Page) -> list[str]:
    """Every serious or critical issue of the page as it is now: rule, element and what is wrong.

    Contrast is among them. Text that moves or fades in is best looked at after it came to rest.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(_source())  # past the page's policy for scripts, unlike a script element
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {' '.join(node['target'])}: {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in _GRAVE
        for node in violation["nodes"]
    ]


@cache
def _source() -> str:
    return (PACKAGES / "axe-core" / "axe.min.js").read_text()
