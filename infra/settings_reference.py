"""Makes `.env.example` and the settings page from `infra/settings`."""

import inspect
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from infra.settings import media, roles, rules, servers

_HEAD: Final = "Generated from infra/settings by `make generate`: do not edit."


def sections() -> list[type[BaseSettings]]:
    """The settings classes, in the order of the files."""
    return [
        item
        for module in (servers, media, roles, rules)
        for item in vars(module).values()
        if inspect.isclass(item)
        and issubclass(item, BaseSettings)
        and item.__module__ == module.__name__
    ]


def env_example() -> str:
    """A file of `NAME=default` lines, commented out, under what each is for."""
    lines = [f"# {_HEAD}", "# The environment variables of every role, with their defaults."]
    for section in sections():
        lines += ["", f"## {inspect.getdoc(section)}"]
        for name, field in section.model_fields.items():
            lines += [f"# {field.description}", f"#{_variable(section, name)}={_default(field)}"]
    return "\n".join(lines) + "\n"


def markdown() -> str:
    """The reference page: a table for each component."""
    lines = [
        f"<!-- {_HEAD} -->",
        "",
        "# Settings",
        "",
        "Each is an environment variable, read when a role starts. A wrong value stops the role"
        " with a message that names it.",
    ]
    for section in sections():
        lines += [
            "",
            f"## {section.__name__.removesuffix('Settings')}",
            "",
            str(inspect.getdoc(section)),
            "",
        ]
        lines += ["| variable | default | what it is |", "|---|---|---|"]
        for name, field in section.model_fields.items():
            default = f"`{_default(field)}`" if _default(field) else ""
            secret = " Secret." if field.annotation is SecretStr else ""
            lines.append(
                f"| `{_variable(section, name)}` | {default} | {field.description}{secret} |"
            )
    return "\n".join(lines) + "\n"


def _variable(section: type[BaseSettings], name: str) -> str:
    return f"{section.model_config['env_prefix']}{name}".upper()


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if isinstance(value, SecretStr):
        return value.get_secret_value()  # the default of a secret is no secret
    if isinstance(value, Path):
        return value.as_posix()
    return "" if value is None else str(value)
