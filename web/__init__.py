"""The pages."""

from pathlib import Path

STATIC = Path(__file__).parent / "static"
"""Their source: plain modules, styles and pages."""
BUILT = Path(__file__).parent / "built"
"""The folder that the gateway serves, made from the source by `python -m web.build`."""
