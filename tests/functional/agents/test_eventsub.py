"""The eventsub worker, from what happens elsewhere to what is to be sent to whom."""

import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from agents.eventsub import agent, deliveries
from agents.eventsub.progress import PAUSES, WINDOW
from agents.eventsub.subscribers import LEASE
from infra.record import Record
from infra.streaming.testing import BEGINNING, TestWorker
from schemas.records.access import GrantRevoked, GrantStarted
from schemas.records.accounts import ApplicationDeleted, UserErased
from schemas.records.broadcast import StreamEnded, StreamStarted
from schemas.records.chat import RaidArrived, RaidWent
from schemas.records.clock import Tick
from schemas.records.eventsub import (
    ConfirmSubscription,
    CreateSubscription,
    DeleteSubscription,
    DeliveryRequested,
    ForgetSubscriber,
    KeepSession,
    MoveSession,
    ReportDelivery,
    SessionMoved,
    SessionMoveRefused,
    SubscriberCounted,
    SubscriptionDeleted,
    SubscriptionRevoked,
)
from schemas.records.identity import ChannelUpdated, ModeratorRemoved
from schemas.records.social import ChannelFollowed
from tests.functional.workers import PARTITIONS, worker_app
from tests.unit.schemas.test_eventsub_chat import SENT

SECOND = 1_000_000
RIVER = "river-1"
ONLINE = StreamStarted(channel_id=RIVER, stream_id="s", session_id="p", started_at=BEGINNING)


class Rig:
    """A worker that hears itself, as over the log, and a clock for it."""

    def __init__(self, worker: TestWorker) -> None:
        self.worker = worker
        self.now = BEGINNING

    async def put(self, topic: str, key: str, event: Record, **more: Any) -> list[Any]:
        """All events that come of a message, in order."""
        every = await self.worker.put(topic, key, event, occurred_at=self.now, **more)
        for output in every:
            if output.topic in self.worker.app.agents_by_source:
                every += await self.worker.relay(output)
        assert not any(each.topic.endswith("-dlq") for each in every), every
        return [each.event for each in every]

    async def tick(self, seconds: float) -> list[Any]:
        self.now += int(seconds * SECOND)
        found = []
        for topic in ("eventsub-commands", "subscriber-commands"):
            for partition in range(PARTITIONS):
                found += await self.put(topic, "", Tick(), partition=partition)
        return found

    async def create(self, number: int = 1, **more: Any) -> list[Any]:
        given: dict[str, Any] = {
            "channel_id": RIVER,
            "subscription_id": f"s{number:06}",
            "client_id": "app",
            "user_id": None,
            "type": "stream.online",
            "version": "1",
            "condition": json.dumps({"broadcaster_user_id": RIVER}),
            "method": "webhook",
            "callback": f"https://{number}.test/",
            "sealed_secret": "p1.x.y",
            "session_id": None,
            "cost": 1,
        } | more
        return await self.put("eventsub-commands", given["channel_id"], CreateSubscription(**given))

    async def hook(self, number: int = 1, **more: Any) -> str:
        """A webhook that answered its challenge; its id."""
        await self.create(number, **more)
        name = f"s{number:06}"
        said = ConfirmSubscription(
            channel_id=RIVER, subscription_id=name, confirmed=True, detail=""
        )
        await self.put("eventsub-commands", RIVER, said)
        return name

    async def report(self, sent: DeliveryRequested, delivered: bool) -> list[Any]:
        said = ReportDelivery(
            channel_id=sent.channel_id,
            subscription_id=sent.subscription_id,
            number=sent.number,
            attempt=sent.attempt,
            delivered=delivered,
            detail="",
        )
        return await self.put("eventsub-commands", sent.channel_id, said)


SOCKET = {
    "method": "websocket",
    "callback": None,
    "sealed_secret": None,
    "session_id": "w1",
    "user_id": "u1",
}


def sent(events: list[Any], kind: str = "notification") -> list[DeliveryRequested]:
    return [each for each in events if isinstance(each, DeliveryRequested) and each.kind == kind]


def revoked(events: list[Any]) -> list[str]:
    return [each.status for each in events if isinstance(each, SubscriptionRevoked)]


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    async with TestWorker(lambda: worker_app("eventsub")) as worker:
        yield Rig(worker)


async def test_a_webhook_is_challenged_then_told(rig: Rig) -> None:
    (challenge,) = sent(await rig.create(), "webhook_callback_verification")
    assert (challenge.callback, challenge.number) == ("https://1.test/", -1)
    assert sent(await rig.put("broadcast-events", RIVER, ONLINE)) == []
    yes = ConfirmSubscription(
        channel_id=RIVER, subscription_id="s000001", confirmed=True, detail=""
    )
    await rig.put("eventsub-commands", RIVER, yes)
    (told,) = sent(await rig.put("broadcast-events", RIVER, ONLINE))
    assert json.loads(told.data) == {
        "id": "s",
        "broadcaster_user_id": RIVER,
        "type": "live",
        "started_at": "2023-11-14T22:13:20.000000Z",
    }
    assert (told.number, told.attempt, told.status) == (0, 1, "enabled")
    assert sent(await rig.report(told, True)) == []
    assert rig.worker.rows("waiting-delivery") == {}


async def test_each_type_is_told_of_its_event(rig: Rig) -> None:
    kinds: dict[str, tuple[str, str, Record]] = {
        "stream.offline": (
            *("1", "broadcast-events"),
            StreamEnded(
                channel_id=RIVER, stream_id="s", reason="left", started_at=1, interruptions=0
            ),
        ),
        "channel.update": (
            *("2", "identity-events"),
            ChannelUpdated(channel_id=RIVER, name="river", title="T", category="C", language="en"),
        ),
        "channel.follow": (
            *("2", "social-events"),
            ChannelFollowed(channel_id=RIVER, user_id="u2", followed_at=1, followers=1),
        ),
    }
    for number, (name, (version, topic, event)) in enumerate(kinds.items()):
        condition = {"broadcaster_user_id": RIVER}
        if name == "channel.follow":
            condition["moderator_user_id"] = RIVER
        await rig.create(
            number, **SOCKET, type=name, version=version, condition=json.dumps(condition)
        )
        (told,) = sent(await rig.put(topic, RIVER, event))
        assert (told.type, told.session_id) == (name, "w1")
        assert json.loads(told.data)["broadcaster_user_id"] == RIVER


async def test_a_chat_is_told_of_only_where_somebody_listens(rig: Rig) -> None:
    said = msgspec.structs.replace(SENT, channel_id=RIVER)
    assert await rig.put("chat-events", RIVER, said) == []
    condition = json.dumps({"broadcaster_user_id": RIVER, "user_id": "u1"})
    await rig.create(**SOCKET, type="channel.chat.message", condition=condition)
    (told,) = sent(await rig.put("chat-events", RIVER, said))
    assert json.loads(told.data)["message"]["text"] == SENT.text
    announced = msgspec.structs.replace(said, kind="announcement")
    assert await rig.put("chat-events", RIVER, announced) == []


async def test_a_raid_is_told_in_the_direction_that_was_asked_for(rig: Rig) -> None:
    for number, name in enumerate(("from_broadcaster_user_id", "to_broadcaster_user_id"), 1):
        condition = json.dumps({name: RIVER})
        await rig.create(number, **SOCKET, type="channel.raid", condition=condition)
    target = {"to_id": "h", "to_login": "harbour", "to_display_name": "Harbour"}
    went = RaidWent(channel_id=RIVER, raid_id="r", viewers=3, **target)
    source = {"from_id": "h", "from_login": "harbour", "from_display_name": "Harbour"}
    arrived = RaidArrived(channel_id=RIVER, raid_id="r", viewers=3, **source)
    for event, wanted in ((went, "s000001"), (arrived, "s000002")):
        (told,) = sent(await rig.put("chat-events", RIVER, event))
        assert (told.type, told.subscription_id) == ("channel.raid", wanted)


async def test_a_channel_that_is_described_as_before_is_not_told_of(rig: Rig) -> None:
    await rig.create(**SOCKET, type="channel.update", version="2")
    event = ChannelUpdated(channel_id=RIVER, name="river", title="T", category="C")
    assert len(sent(await rig.put("identity-events", RIVER, event))) == 1
    assert sent(await rig.put("identity-events", RIVER, event)) == []


async def test_a_message_is_sent_again_after_a_pause_under_the_same_id(rig: Rig) -> None:
    await rig.hook()
    (first,) = sent(await rig.put("broadcast-events", RIVER, ONLINE))
    assert sent(await rig.report(first, False)) == []
    assert sent(await rig.report(first, True)) == []  # of an attempt that is over
    assert sent(await rig.tick(PAUSES[0] - 1)) == []
    (again,) = sent(await rig.tick(1))
    assert (again.message_id, again.attempt) == (first.message_id, 2)
    assert again.data == first.data


async def test_a_webhook_that_fails_for_hours_is_revoked_and_forgotten_after_a_day(
    rig: Rig,
) -> None:
    await rig.hook()
    (flying,) = sent(await rig.put("broadcast-events", RIVER, ONLINE))
    for pause in PAUSES:
        await rig.report(flying, False)
        assert sent(await rig.put("broadcast-events", RIVER, ONLINE)) == []
        (flying,) = sent(await rig.tick(pause))
    ended = await rig.report(flying, False)
    assert revoked(ended) == ["notification_failures_exceeded"]
    (goodbye,) = sent(ended, "revocation")
    assert goodbye.status == "notification_failures_exceeded"
    assert sent(await rig.put("broadcast-events", RIVER, ONLINE)) == []
    await rig.tick(1)
    assert rig.worker.rows("waiting-delivery") == {}
    assert rig.worker.rows("delivery-progress-by-subscription") == {}
    assert not any(isinstance(each, SubscriptionDeleted) for each in await rig.tick(3600))
    gone = await rig.tick(86_400 + 3600)
    assert [each.subscription_id for each in gone if isinstance(each, SubscriptionDeleted)] == [
        "s000001"
    ]
    assert rig.worker.rows("subscription-by-id") == {}


async def test_more_than_may_wait_ends_a_subscription(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "WAITING", WINDOW + 5)
    monkeypatch.setattr(agent, "SWEPT", WINDOW)
    await rig.hook()
    for _ in range(WINDOW + 5):
        assert revoked(await rig.put("broadcast-events", RIVER, ONLINE)) == []
    ended = revoked(await rig.put("broadcast-events", RIVER, ONLINE))
    assert ended == ["notification_failures_exceeded"]
    await rig.tick(1)
    assert len(rig.worker.rows("waiting-delivery")) == 5
    await rig.tick(1)
    assert rig.worker.rows("waiting-delivery") == {}
    assert rig.worker.rows("delivery-wake") == {}


async def test_many_are_told_some_at_a_time_each_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "FAN_OUT", 4)
    for number in range(11):
        await rig.create(number, **SOCKET | {"session_id": f"w{number}"})
    told = sent(await rig.put("broadcast-events", RIVER, ONLINE))
    assert [each.session_id for each in told] == [f"w{number}" for number in range(11)]
    assert len({each.message_id for each in told}) == 11


async def test_a_deleted_subscription_is_told_nothing(rig: Rig) -> None:
    name = await rig.hook()
    command = DeleteSubscription(channel_id=RIVER, subscription_id=name, client_id="app")
    events = await rig.put("eventsub-commands", RIVER, command)
    assert any(isinstance(each, SubscriptionDeleted) for each in events)
    assert sent(await rig.put("broadcast-events", RIVER, ONLINE)) == []
    await rig.tick(1)
    for table in (
        *("subscription-by-id", "listeners-by-channel-and-type", "waiting-delivery"),
        *("delivery-progress-by-subscription", "delivery-wake", "subscriber-by-id"),
        "noted-by-subscriber-and-slot",
    ):
        assert rig.worker.rows(table) == {}, table


async def test_an_erased_user_is_told_of_no_more_also_if_someone_subscribes_later(
    rig: Rig,
) -> None:
    await rig.hook(1)
    elsewhere = {"channel_id": "brook-1", "condition": '{"broadcaster_user_id":"brook-1"}'}
    await rig.create(2, **SOCKET | elsewhere | {"user_id": "u9"})
    for user in (RIVER, "u9"):
        event = UserErased(user_id=user, login="x", by_user_id=user)
        assert revoked(await rig.put("account-events", user, event)) == ["user_removed"]
    assert revoked(await rig.create(3)) == ["user_removed"]


async def test_a_deleted_application_is_told_nothing(rig: Rig) -> None:
    await rig.hook(1)
    await rig.create(2, **SOCKET)
    await rig.create(3, client_id="other")
    event = ApplicationDeleted(user_id="u1", client_id="app")
    assert revoked(await rig.put("account-events", "u1", event)) == ["authorization_revoked"] * 2


async def test_who_takes_access_back_ends_what_came_of_it(rig: Rig) -> None:
    await rig.hook(1)
    await rig.create(2, client_id="other")

    def started(grant: str) -> GrantStarted:
        return GrantStarted(
            subject_id=RIVER, grant_id=grant, client_id="app", user_id=RIVER,
            flow="authorization_code", scopes=[],
        )  # fmt: skip

    def over(grant: str, reason: str) -> GrantRevoked:
        return GrantRevoked(
            subject_id=RIVER, grant_id=grant, client_id="app", user_id=RIVER, reason=reason
        )

    for grant in ("g1", "g2", "g3"):
        await rig.put("access-events", RIVER, started(grant))
    assert revoked(await rig.put("access-events", RIVER, over("g1", "revoked-by-user"))) == []
    assert revoked(await rig.put("access-events", RIVER, over("g2", "expired"))) == []
    found = await rig.put("access-events", RIVER, over("g3", "revoked-by-user"))
    assert revoked(found) == ["authorization_revoked"]


async def test_who_moderates_no_longer_is_told_nothing(rig: Rig) -> None:
    condition = {"broadcaster_user_id": RIVER, "moderator_user_id": "u2"}
    follows = {"type": "channel.follow", "version": "2"}
    await rig.hook(1, **follows, condition=json.dumps(condition))
    await rig.hook(2, **follows, condition=json.dumps(condition | {"moderator_user_id": RIVER}))
    event = ModeratorRemoved(channel_id=RIVER, user_id="u2")
    assert revoked(await rig.put("identity-events", RIVER, event)) == ["moderator_removed"]


async def test_an_application_is_counted(rig: Rig) -> None:
    counts = []
    for number in (1, 2):
        made = await rig.create(number)
        counts += [each for each in made if isinstance(each, SubscriberCounted)]
    assert [(each.subscriptions, each.cost) for each in counts] == [(1, 1), (2, 2)]


async def test_a_session_ends_when_nobody_speaks_of_it(rig: Rig) -> None:
    await rig.create(1, **SOCKET)
    lease = LEASE / SECOND
    assert revoked(await rig.tick(lease - 1)) == []
    kept = KeepSession(subject_id="w1", generation=0, until=rig.now + LEASE)
    await rig.put("subscriber-commands", "w1", kept)
    assert revoked(await rig.tick(lease - 1)) == []
    assert revoked(await rig.tick(2)) == ["websocket_network_timeout"]
    assert rig.worker.rows("session-lease") == {}


async def test_a_session_that_went_over_is_not_kept_by_the_connection_before(rig: Rig) -> None:
    await rig.create(1, **SOCKET)
    move = MoveSession(subject_id="w1", generation=1, until=rig.now + LEASE)
    (moved,) = await rig.put("subscriber-commands", "w1", move)
    assert moved == SessionMoved(subject_id="w1", generation=1)
    (refused,) = await rig.put("subscriber-commands", "w1", move)
    assert isinstance(refused, SessionMoveRefused)
    late = KeepSession(subject_id="w1", generation=0, until=rig.now + 10 * LEASE)
    await rig.put("subscriber-commands", "w1", late)
    assert revoked(await rig.tick(LEASE / SECOND + 1)) == ["websocket_network_timeout"]


async def test_a_session_that_is_over_takes_its_subscriptions_along(rig: Rig) -> None:
    await rig.create(1, **SOCKET)
    await rig.create(2, **SOCKET | {"session_id": "w2"})
    command = ForgetSubscriber(subject_id="w1", status="websocket_disconnected", client_id=None)
    events = await rig.put("subscriber-commands", "w1", command)
    assert revoked(events) == ["websocket_disconnected"]
    assert sent(events, "revocation") == []
    (told,) = sent(await rig.put("broadcast-events", RIVER, ONLINE))
    assert told.session_id == "w2"
