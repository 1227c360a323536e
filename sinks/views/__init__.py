"""Every view by name. A module in this folder that defines `VIEW` is a view."""

from importlib import import_module
from pkgutil import iter_modules

from infra.errors import NotFound
from sinks.view import View

VIEWS: dict[str, View] = {
    view.name: view
    for module in iter_modules(__path__)
    if (view := import_module(f"{__name__}.{module.name}").VIEW)
}


def view_named(name: str) -> View:
    """The view of that name. Raises NotFound, which lists the names there are."""
    if name not in VIEWS:
        raise NotFound(f"there is no view {name!r}; there are {', '.join(sorted(VIEWS))}")
    return VIEWS[name]
