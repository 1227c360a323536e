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
    body = "\n\n".join(_record(schema) for schema in schemas)
    imports = "from typing import ClassVar" + (", Literal" if "Literal[" in body else "")
    title = f"Records of the {context} context"
    return _HEAD.format(title=title) + imports + "\n\nfrom infra.record import Record\n\n\n" + body


def _record(schema: sources.Schema) -> str:
    lines = [
        f"class {schema['name']}(Record, frozen=True, kw_only=True):",
        f'    """{schema["doc"]}"""\n',
        f'    FULL_NAME: ClassVar[str] = "{schema["namespace"]}.{schema["name"]}"\n',
    ]
    for field in schema["fields"][1:]:
        default = " = None" if field.get("default", 0) is None else ""
        lines.append(f"    {field['name']}: {_python(field['type'])}{default}")
        lines.append(f'    """{field["doc"]}"""')
    return "\n".join(lines) + "\n"


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
