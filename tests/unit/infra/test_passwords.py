"""Passwords: hashed as RFC 9106 says, checked in bounded numbers, made anew when parameters are."""

import asyncio
from collections.abc import Iterator

import pytest

from infra import passwords
from infra.errors import Refused, Unavailable
from infra.passwords import Passwords, Verdict


@pytest.fixture
def cheap() -> Iterator[Passwords]:
    made = Passwords(time_cost=1, memory_kib=64, lanes=1)
    yield made
    made.close()


def test_the_parameters_are_those_of_rfc_9106() -> None:
    assert (passwords.TIME_COST, passwords.MEMORY_KIB, passwords.LANES) == (3, 1 << 16, 4)


async def test_a_password_is_right_or_not(cheap: Passwords) -> None:
    hashed = await cheap.hash("correct horse")
    assert hashed.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert "horse" not in hashed
    assert await cheap.verify(hashed, "correct horse") == Verdict(True, False)
    assert await cheap.verify(hashed, "correct house") == Verdict(False, False)
    assert await cheap.hash("correct horse") != hashed


async def test_letters_count_not_how_they_were_typed(cheap: Passwords) -> None:
    hashed = await cheap.hash("Größe 12345")
    assert (await cheap.verify(hashed, "Gro\u0308ße 12345")).right


async def test_other_parameters_ask_for_a_new_hash(cheap: Passwords) -> None:
    hashed = await cheap.hash("correct horse")
    today = Passwords(time_cost=2, memory_kib=64, lanes=1)
    assert await today.verify(hashed, "correct horse") == Verdict(True, True)
    today.close()


@pytest.mark.parametrize("hashed", [None, "", "nonsense", "$argon2id$v=19$m=64,t=1,p=1$x$y"])
async def test_nobody_signs_in_without_a_hash(cheap: Passwords, hashed: str | None) -> None:
    assert await cheap.verify(hashed, "correct horse") == Verdict(False, False)


@pytest.mark.parametrize(
    ("password", "reason"), [("1234567", "password-too-short"), ("x" * 257, "password-too-long")]
)
async def test_a_password_has_a_length(cheap: Passwords, password: str, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        await cheap.hash(password)
    assert caught.value.reason == reason
    assert password not in str(caught.value)


async def test_too_many_at_once_are_told_to_come_again(cheap: Passwords) -> None:
    hashed = await cheap.hash("correct horse")
    many = [
        asyncio.ensure_future(cheap.verify(hashed, "wrong guess"))
        for _ in range(passwords.AT_ONCE + passwords.WAITING)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await cheap.verify(hashed, "correct horse")
    assert await asyncio.gather(*many) == [Verdict(False, False)] * len(many)
    assert (await cheap.verify(hashed, "correct horse")).right
