"""Python source of `schemas/records/*.py`: one msgspec struct for each Avro record."""

from pathlib import Path
from typing import Any

from schemas import sources

_HEAD = '"""{title}. Generated from `schemas/avro` by `make generate`: do not edit."""\n\n'
_TYPES = {
    "string": "str", "long": "int", "int": "int", "double": "float", "float": "float",
    "boolean": "bool", "bytes": "bytes",
}  # fmt: skip


def modules(root: Path = sources.ROOT) -> dict[str, str]:
    """Python source by file name: one module a context, and the index."""
    by_context: dict[str, list[sources.Schema]] = {}
    for schema in sources.schemas(root).values():
        by_context.setdefault(schema["namespace"].removeprefix("millrace."), []).append(schema)
    found = {f"{context}.py": _module(context, schemas) for context, schemas in by_context.items()}
    found["__init__.py"] = _index(sorted(by_context))
    return found


def _module(context: str, schemas: list[sources.Schema]) -> str:
    parts = {each["name"]: _part(each) for schema in schemas for each in _parts(schema)}
    body = "\n\n".join([*parts.values(), *(_record(schema) for schema in schemas)])
    imports = "from typing import ClassVar" + (", Literal" if "Literal[" in body else "")
    base = ("Part, " if parts else "") + "Record"
    title = f"Records of the {context} context"
    return f"{_HEAD.format(title=title)}{imports}\n\nfrom infra.record import {base}\n\n\n{body}"


def _parts(schema: sources.Schema) -> list[sources.Schema]:
    """The records that lists of a record hold."""
    kinds = [field["type"] for field in schema["fields"]]
    items = [kind["items"] for kind in kinds if isinstance(kind, dict) and "items" in kind]
    return [each for each in items if isinstance(each, dict) and each["type"] == "record"]


def _part(schema: sources.Schema) -> str:
    head = f"class {schema['name']}(Part, frozen=True, kw_only=True):"
    return "\n".join([head, f'    """{schema["doc"]}"""\n', *_fields(schema["fields"])]) + "\n"


def _record(schema: sources.Schema) -> str:
    lines = [
        f"class {schema['name']}(Record, frozen=True, kw_only=True):",
        f'    """{schema["doc"]}"""\n',
        f'    FULL_NAME: ClassVar[str] = "{schema["namespace"]}.{schema["name"]}"\n',
    ]
    return "\n".join([*lines, *_fields(schema["fields"][1:])]) + "\n"


def _fields(fields: list[Any]) -> list[str]:
    lines = []
    for field in fields:
        default = " = None" if field.get("default", 0) is None else ""
        lines.append(f"    {field['name']}: {_python(field['type'])}{default}")
        lines.append(f'    """{field["doc"]}"""')
    return lines


def _python(kind: Any) -> str:
    match kind:
        case str():
            return _TYPES[kind]
        case ["null", other]:
            return f"{_python(other)} | None"
        case {"type": "enum", "symbols": symbols}:
            return "Literal[" + ", ".join(f'"{symbol}"' for symbol in symbols) + "]"
        case {"type": "array", "items": items}:
            return f"list[{_python(items)}]"
        case {"type": "record", "name": name}:
            return str(name)
        case {"type": str(inner)}:
            return _python(inner)
    raise ValueError(f"no Python type for {kind!r}")


def _index(contexts: list[str]) -> str:
    return (
        _HEAD.format(title="Every record by Avro full name")
        + "from infra.record import Record\nfrom schemas.records import "
        + ", ".join(contexts)
        + "\n\nBY_NAME: dict[str, type[Record]] = {\n    item.FULL_NAME: item\n"
        + f"    for module in ({', '.join(contexts)})\n    for item in vars(module).values()\n"
        + "    if isinstance(item, type) and issubclass(item, Record) and item is not Record\n}\n"
    )
