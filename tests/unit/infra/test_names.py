"""Ids follow from names, and never change: rows and objects of released versions hang on them."""

import pytest

from infra.names import id_of, is_name


def test_ids_are_those_of_the_first_release() -> None:
    assert id_of("demo") == "21302d16-731a-5595-8fcc-c870488b3401"
    assert id_of("demo") != id_of("dem0")


@pytest.mark.parametrize("text", ["abc", "a_0", "x" * 25])
def test_names(text: str) -> None:
    assert is_name(text)


@pytest.mark.parametrize("text", ["", "ab", "x" * 26, "River", "a-b", "über", "abc\n"])
def test_what_is_no_name(text: str) -> None:
    assert not is_name(text)
