"""Accounts and access as one worker runs them: what happens to a user reaches who it concerns."""

from functools import partial

import msgspec
import pytest

from agents.accounts.agent import KEY_LAG
from infra.names import id_of
from infra.streaming.testing import BEGINNING, Delivered, TestWorker
from schemas.records.access import (
    GrantRevoked,
    GrantsRevoked,
    GrantStarted,
    RefreshTokens,
    RevokeGrants,
    StartGrant,
    TokensIssued,
)
from schemas.records.accounts import (
    AccountCommandRefused,
    ChangePassword,
    DeleteApplication,
    EraseUser,
    GrantRole,
    RegisterApplication,
    RegisterUser,
    UserErased,
    UserKeyDestroyed,
    UserKeyReleased,
    UserRegistered,
)
from schemas.records.clock import Tick
from schemas.records.identity import (
    ChannelErased,
    ChannelRegistered,
    EraseChannel,
    OpenChannel,
)
from tests.functional.workers import identity_app

SECOND = 1_000_000
USER = id_of("river")
KEY, OTHER_KEY = f"{USER}.{'0' * 16}", f"{USER}.{'f' * 16}"


def registration(key: str = KEY) -> RegisterUser:
    return RegisterUser(
        user_id=USER,
        login="river",
        display_name="River",
        key_id=key,
        sealed_password=f"s1.{key}.AAAA",
        channel_exists=False,
    )


def session(grant: str, refresh: str) -> StartGrant:
    return StartGrant(
        subject_id=USER,
        grant_id=grant,
        client_id="pages",
        confidential=True,
        user_id=USER,
        flow="sign_in",
        scopes=[],
        token_id="t",
        new_refresh_digest=refresh * 64,
    )


async def settle(worker: TestWorker, outputs: list[Delivered]) -> list[Delivered]:
    """What came of outputs, and of what came of them, and so on; theirs included."""
    every = list(outputs)
    readable = worker.app.agents_by_source
    for output in every:
        if output.topic in readable:
            every += await worker.relay(output)
    return every


def events(outputs: list[Delivered], topic: str) -> list[object]:
    return [output.event for output in outputs if output.topic == topic]


async def test_a_registered_user_has_a_channel_of_the_same_id() -> None:
    async with TestWorker(identity_app) as worker:
        put = partial(worker.put, "account-commands", USER)
        every = await settle(worker, await put(registration()))
        assert [type(event) for event in events(every, "account-events")] == [UserRegistered]
        assert events(every, "identity-commands") == [OpenChannel(channel_id=USER, name="river")]
        assert events(every, "identity-events") == [
            ChannelRegistered(channel_id=USER, name="river", title="", category="")
        ]
        late = await settle(worker, await put(registration(OTHER_KEY)))
        assert [type(event) for event in events(late, "account-events")] == [
            AccountCommandRefused,
            UserKeyReleased,
        ]
        assert events(late, "user-keys") == [UserKeyDestroyed(key_id=OTHER_KEY, user_id=USER)]
        assert [output.key for output in late if output.topic == "user-keys"] == [OTHER_KEY]


async def test_an_erased_user_loses_grants_channel_and_key() -> None:
    async with TestWorker(identity_app) as worker:
        await settle(worker, await worker.put("account-commands", USER, registration()))
        started = await worker.put("access-commands", USER, session("g", "a"))
        assert [type(output.event) for output in started] == [GrantStarted, TokensIssued]
        every = await settle(
            worker, await worker.put("account-commands", USER, EraseUser(user_id=USER))
        )
        assert [type(event) for event in events(every, "account-events")] == [
            UserErased,
            UserKeyReleased,
        ]
        assert events(every, "access-commands") == [
            RevokeGrants(subject_id=USER, reason="user-erased")
        ]
        assert events(every, "identity-commands") == [EraseChannel(channel_id=USER)]
        assert [type(event) for event in events(every, "access-events")] == [
            GrantRevoked,
            GrantsRevoked,
        ]
        assert ChannelErased(channel_id=USER, name="river") in events(every, "identity-events")
        assert events(every, "user-keys") == [UserKeyDestroyed(key_id=KEY, user_id=USER)]
        assert worker.rows("grants-by-subject") == {}


async def test_a_deleted_application_has_no_grants_of_its_own() -> None:
    name = "a" * 30
    register = RegisterApplication(
        user_id=USER,
        client_id=name,
        name="Bot",
        redirect_uris=[],
        confidential=True,
        secret_digest="0" * 64,
    )
    start = StartGrant(
        subject_id=name,
        grant_id="g",
        client_id=name,
        confidential=True,
        flow="client_credentials",
        scopes=[],
        token_id="t",
    )
    async with TestWorker(identity_app) as worker:
        await settle(worker, await worker.put("account-commands", USER, registration()))
        await settle(worker, await worker.put("account-commands", USER, register))
        await settle(worker, await worker.put("access-commands", name, start))
        assert worker.rows("grants-by-subject") != {}
        delete = DeleteApplication(user_id=USER, client_id=name)
        every = await settle(worker, await worker.put("account-commands", USER, delete))
        assert events(every, "access-commands") == [
            RevokeGrants(subject_id=name, reason="application-deleted")
        ]
        assert worker.rows("grants-by-subject") == {}


async def test_a_worker_that_starts_again_knows_users_grants_and_what_is_due() -> None:
    async with TestWorker(identity_app) as first:
        await settle(first, await first.put("account-commands", USER, registration()))
        role = GrantRole(user_id=USER, role="partner")
        await first.put("account-commands", USER, role)
        await first.put("access-commands", USER, session("g", "a"), occurred_at=BEGINNING)
        before = {name: first.rows(name) for name in first.app.tables_by_name}
    async with TestWorker(identity_app, first.log) as second:
        assert {name: second.rows(name) for name in second.app.tables_by_name} == before
        put = partial(second.put, producer="after")
        (granted,) = await put(
            "account-commands", USER, msgspec.structs.replace(role, role="service")
        )
        assert granted.event.roles == ["partner", "service"]
        refused, _ = await put("account-commands", USER, registration(OTHER_KEY))
        assert refused.event.reason == "login-taken"
        (again,) = await put(
            "access-commands", USER, session("g", "a"), occurred_at=BEGINNING + SECOND
        )
        assert again.event.reason == "grant-exists"


async def test_a_new_password_ends_the_other_sessions() -> None:
    async with TestWorker(identity_app) as worker:
        await settle(worker, await worker.put("account-commands", USER, registration()))
        for grant, refresh in (("g", "a"), ("h", "b")):
            await worker.put("access-commands", USER, session(grant, refresh))
        changed = ChangePassword(user_id=USER, sealed_password=f"s1.{KEY}.BB", keep_grant_id="h")
        await settle(worker, await worker.put("account-commands", USER, changed))
        assert worker.rows("grants-by-subject")[USER].grants.keys() == {"h"}


async def test_a_destroyed_key_is_destroyed_again_when_its_segment_can_be_closed() -> None:
    async with TestWorker(identity_app) as worker:
        put = partial(worker.put, "account-commands")
        (registered, *_) = await put(USER, registration(), occurred_at=BEGINNING)
        await put(USER, EraseUser(user_id=USER), occurred_at=BEGINNING + SECOND)
        tick = partial(put, "", Tick(), partition=registered.partition)
        assert await tick(occurred_at=BEGINNING + KEY_LAG) == []
        again = await tick(occurred_at=BEGINNING + KEY_LAG + 120 * SECOND)
        assert events(again, "account-events") == [
            UserKeyReleased(user_id=USER, key_id=KEY, reason="still-on-disk")
        ]
        assert again[0].key == USER
        assert await tick(occurred_at=BEGINNING + 2 * KEY_LAG) == []


async def test_a_tick_ends_grants_that_nobody_used() -> None:
    async with TestWorker(identity_app) as worker:
        put = partial(worker.put, "access-commands")
        day = 86_400 * SECOND
        first, *_ = await put(USER, session("g", "a"), occurred_at=BEGINNING)
        tick = partial(put, "", Tick(), partition=first.partition)
        assert await tick(occurred_at=BEGINNING + SECOND) == []
        refreshed = RefreshTokens(
            subject_id=USER,
            grant_id="g",
            client_id="pages",
            refresh_digest="a" * 64,
            new_refresh_digest="b" * 64,
            token_id="t2",
            scopes=[],
        )
        await put(USER, refreshed, occurred_at=BEGINNING + 10 * day)
        assert await tick(occurred_at=BEGINNING + 31 * day) == []
        (ended,) = await tick(occurred_at=BEGINNING + 41 * day)
        assert isinstance(ended.event, GrantRevoked)
        assert (ended.event.reason, ended.key) == ("expired", USER)
        assert worker.rows("grants-by-subject") == {}
        assert worker.rows("grant-expiry-due") == {}


@pytest.mark.parametrize("topic", ["account-commands", "access-commands"])
async def test_a_command_under_another_key_is_a_dead_letter(topic: str) -> None:
    command = {"account-commands": registration(), "access-commands": session("g", "a")}[topic]
    async with TestWorker(identity_app) as worker:
        (letter,) = await worker.put(topic, "somebody-else", command)
        assert letter.topic == f"{topic}-dlq"
        assert b"must be the key" in letter.headers["error"]
