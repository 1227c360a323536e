"""Pages looked at as people have them: on a phone and a desk, light and dark."""

import os
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, ViewportSize

from tests.e2e.axe import serious

PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
DESK: Final[ViewportSize] = {"width": 1280, "height": 860}
_SHOTS: Final = os.environ.get("MILLRACE_TEST_SCREENSHOTS", "")
"""A folder for screenshots, to be looked at."""
_LOOKS: Final = [
    (PHONE, "dark"),
    (DESK, "light"),
    *([(PHONE, "light"), (DESK, "dark")] if _SHOTS else []),
]


def checked(page: Page, name: str) -> None:
    """Nothing overflows, and axe-core finds nothing serious, on a phone and a desk."""
    for viewport, scheme in _LOOKS:
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("s => document.documentElement.dataset.theme === s", arg=scheme)
        photographed(page, f"{name}-{viewport['width']}-{scheme}")
        assert serious(page) == [], (name, viewport, scheme)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= viewport["width"], (name, width)
    page.set_viewport_size(DESK)


def photographed(page: Page, name: str) -> None:
    """Keep a picture of the page if somebody wants to look at it."""
    if _SHOTS:
        page.screenshot(path=str(Path(_SHOTS) / f"{name}.png"), full_page=True)


CONTRASTS = """(nodes) => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour[3] === undefined || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  return nodes.filter((node) => node.textContent.trim()).map((node) => {
    const [a, b] = [parse(getComputedStyle(node).color), ground(node)].map(light);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  });
}"""
