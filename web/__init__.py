"""The pages."""

from pathlib import Path

STATIC = Path(__file__).parent / "static"
"""The folder that the gateway serves."""
