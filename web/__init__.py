"""The pages."""

from pathlib import Path

from infra.errors import ConfigurationError

STATIC = Path(__file__).parent / "static"
"""Their source: plain modules, styles and pages."""
BUILT = Path(__file__).parent / "built"
"""The folder that the gateway serves, made from the source by `python -m web.build`."""


def built() -> Path:
    """The folder that the gateway serves. Raises ConfigurationError if it was never made."""
    if not (BUILT / "watch.html").exists():
        raise ConfigurationError(f"the pages are not built, {BUILT} is missing: type `make web`")
    return BUILT
