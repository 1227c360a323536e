"""Values of Avro types as our records hold them, for hypothesis."""

from typing import Any

from hypothesis import strategies as st

from schemas import sources

INTEGERS = {
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.one_of(
        st.integers(-(2**63), 2**63 - 1),
        st.builds(lambda bits, near: (1 << bits) + near, st.integers(0, 62), st.integers(-2, 2)),
        st.integers(1_600_000_000_000_000, 1_900_000_000_000_000),
    ),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values of an Avro type. Nested records are dicts."""
    match kind:
        case "string":
            return st.text(max_size=60) | st.text("aé€😀", min_size=60, max_size=70)
        case "bytes":
            return st.binary(max_size=70)
        case "int" | "long":
            return INTEGERS[kind]
        case "double":
            return st.floats(allow_nan=False)
        case "float":
            return st.floats(allow_nan=False, width=32)
        case "boolean":
            return st.booleans()
        case ["null", other]:
            return st.none() | values(other)
        case {"type": "array", "items": items}:
            return st.lists(values(items), max_size=30)
        case {"type": "enum", "symbols": symbols}:
            return st.sampled_from(symbols)
        case {"type": "record"}:
            return fields(kind)
        case {"type": str(inner)}:
            return values(inner)
    raise AssertionError(f"no values for {kind}")


def fields(schema: sources.Schema, skip: str = "") -> st.SearchStrategy[dict[str, Any]]:
    """The fields of a record, by name."""
    return st.fixed_dictionaries(
        {each["name"]: values(each["type"]) for each in schema["fields"] if each["name"] != skip}
    )
