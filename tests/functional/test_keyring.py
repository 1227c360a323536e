"""Signing keys are there when they are needed, and gone when they were stolen."""

import time
from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio

from api.oauth2 import keyring
from api.oauth2.keyring import Keyring, known
from api.oauth2.signing_keys import SECOND, SIGNS_FOR, SigningKeys
from infra.errors import Unavailable
from schemas.records.access import SigningKeyIssued
from tests.functional.oauth_rig import Rig
from tests.waiting import until


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    async with Rig() as rig:
        rig.tokens.keys = SigningKeys([], rig.master)
        yield rig


def ring(rig: Rig) -> Keyring:
    mind = rig.authority
    return Keyring(mind.tokens, mind.views, mind.sender, mind.master, mind.clock)


async def test_the_first_key_is_made_and_read(rig: Rig) -> None:
    found = ring(rig)
    await found.read()
    await found.rotate()
    await found.read()
    assert len(rig.tokens.keys.jwks(rig.clock.now())["keys"]) == 1
    await found.rotate()
    assert len([each for each in rig.platform.said if isinstance(each, SigningKeyIssued)]) == 1
    rig.clock.advance(SIGNS_FOR / SECOND - 60)
    await found.rotate()
    await found.read()
    assert len(rig.tokens.keys.jwks(rig.clock.now())["keys"]) == 2


async def test_the_first_key_is_there_at_once(rig: Rig) -> None:
    """Of two gateways that start together each knows both keys; one is made by each at most."""
    began = time.monotonic()
    one, other = ring(rig), ring(rig)
    async with one, other:
        await until(partial(_signs, rig), 1)
    assert time.monotonic() - began < 0.5
    made = [each for each in rig.platform.said if isinstance(each, SigningKeyIssued)]
    assert 1 <= len(made) <= 2


async def _signs(rig: Rig) -> bool:
    return rig.tokens.keys.sign_at(rig.clock.now())


async def test_it_goes_on_when_servers_come_back(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "AWAY_SECONDS", 0.01)
    rig.platform.store.failure, rig.platform.away = Unavailable("Redis is away"), True

    async def has_key() -> bool:
        return bool(rig.tokens.keys.jwks(rig.clock.now())["keys"])

    async with ring(rig):
        assert not await has_key()
        rig.platform.store.failure, rig.platform.away = None, False
        await until(has_key, 5)


async def test_stolen_keys_are_retired_at_once(rig: Rig) -> None:
    found = ring(rig)
    await found.rotate()
    await found.read()
    before = {key.kid for key in await known(rig.views)}
    keys = SigningKeys(await known(rig.views), rig.master)
    for event in keys.replacement(rig.clock.now(), compromised=True):
        await rig.platform.post("signing-keys", event.kid, event)
    await found.read()
    (after,) = {key.kid for key in await known(rig.views)}
    assert after not in before
    assert rig.tokens.keys.private(rig.clock.now())[0] == after
