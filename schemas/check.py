"""The gate that `millrace schemas check` and `make check` run over the reviewed files."""

from pathlib import Path

from infra.errors import ConfigurationError
from schemas import compatibility, rules, sources
from schemas.rules import Problem


def check(root: Path = sources.ROOT) -> list[Problem]:
    """Every rule that the files break and every promise of a release; empty if all is well."""
    try:
        return [*rules.broken(root), *compatibility.broken(root)]
    except ConfigurationError as error:
        return [Problem("readable", "", str(error))]
