"""PyPI's twitchAPI, unmodified, against the gateway: a client of others judges the dialect."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from twitchAPI.twitch import Twitch
from twitchAPI.type import (
    AuthScope,
    TwitchAPIException,
    TwitchResourceNotFound,
    UnauthorizedException,
)

from infra.names import id_of
from schemas.records.identity import ChangeChannel
from schemas.records.social import FollowChannel
from tests.functional.platform import Platform

RIVER = id_of("river")
SECOND = 1_000_000
BEGUN = 1_700_000_000 * SECOND


@pytest_asyncio.fixture
async def platform() -> AsyncIterator[Platform]:
    async with Platform() as found:
        for login in ("river", "rivulet", "brook"):
            await found.sign_up(login)
        yield found


@pytest_asyncio.fixture
async def twitch(platform: Platform) -> AsyncIterator[Twitch]:
    """Signed in as River's application, with River's token."""
    scopes = [
        AuthScope.CHANNEL_MANAGE_BROADCAST,
        AuthScope.USER_READ_BROADCAST,
        AuthScope.USER_READ_FOLLOWS,
        AuthScope.MODERATOR_READ_FOLLOWERS,
    ]
    async with TestServer(platform.gateway()) as server:
        client = Twitch("test", authenticate_app=False, base_url=str(server.make_url("/helix/")))
        client.auto_refresh_auth = False
        token = "~".join((f"test/{RIVER}", *(scope.value for scope in scopes)))
        await client.set_user_authentication(token, scopes, validate=False)
        yield client


async def test_users_by_login_by_id_and_oneself(twitch: Twitch) -> None:
    found = [user async for user in twitch.get_users(logins=["brook", "nobody"])]
    assert [(user.id, user.login, user.display_name) for user in found] == [
        (id_of("brook"), "brook", "Brook")
    ]
    assert found[0].created_at.year == 2023
    assert [user.login async for user in twitch.get_users(user_ids=[id_of("rivulet")])] == [
        "rivulet"
    ]
    assert [user.login async for user in twitch.get_users()] == ["river"]


async def test_streams_the_newest_first_and_by_filter(platform: Platform, twitch: Twitch) -> None:
    for number, login in enumerate(("river", "rivulet", "brook")):
        await platform.go_live(id_of(login), f"s{number}", BEGUN + number * SECOND)
    brook = id_of("brook")
    change = ChangeChannel(channel_id=brook, title="Water", category="Music", language="en")
    await platform.post("identity-commands", brook, change)

    everything = [stream async for stream in twitch.get_streams(first=1)]  # three pages
    assert [stream.user_login for stream in everything] == ["brook", "rivulet", "river"]
    assert everything[0].game_name == "Music"
    assert everything[0].title == "Water"
    assert everything[0].viewer_count == 0
    assert everything[0].started_at.isoformat() == "2023-11-14T22:13:22+00:00"

    async def logins(**filters: list[str]) -> list[str]:
        return [stream.user_login async for stream in twitch.get_streams(**filters)]

    assert await logins(user_login=["river", "nobody"]) == ["river"]
    assert await logins(user_id=[brook]) == ["brook"]
    assert await logins(game_id=["101"]) == ["brook"]
    assert await logins(language=["en", "de"]) == ["brook"]
    assert await logins(game_id=["102"]) == []


async def test_followers_and_what_is_followed(platform: Platform, twitch: Twitch) -> None:
    for login in ("rivulet", "brook"):
        platform.clock.advance(1)
        command = FollowChannel(channel_id=RIVER, user_id=id_of(login))
        await platform.post("social-commands", RIVER, command)
    followers = await twitch.get_channel_followers(RIVER, first=1)
    assert followers.total == 2
    assert [each.user_login async for each in followers] == ["brook", "rivulet"]
    one = await twitch.get_channel_followers(RIVER, user_id=id_of("rivulet"))
    assert [each.user_name for each in one.data] == ["Rivulet"]

    brook = id_of("brook")
    await platform.post("social-commands", brook, FollowChannel(channel_id=brook, user_id=RIVER))
    followed = await twitch.get_followed_channels(RIVER)
    assert (followed.total, [each.broadcaster_login for each in followed.data]) == (1, ["brook"])
    others = await twitch.get_channel_followers(brook)
    assert (others.total, others.data) == (1, [])  # River does not moderate that channel

    await platform.go_live(brook, "s1", BEGUN)
    await platform.go_live(id_of("rivulet"), "s2", BEGUN)
    live = [stream.user_login async for stream in twitch.get_followed_streams(RIVER)]
    assert live == ["brook"]


async def test_a_channel_is_described_anew(twitch: Twitch) -> None:
    assert await twitch.modify_channel_information(
        RIVER, game_id="101", broadcaster_language="en", title="Rapids", tags=["Water", "Calm"]
    )
    (channel,) = await twitch.get_channel_information(RIVER)
    assert (channel.title, channel.game_name, channel.game_id) == ("Rapids", "Music", "101")
    assert (channel.broadcaster_language, channel.tags) == ("en", ["Water", "Calm"])
    with pytest.raises(TwitchAPIException, match="tag"):
        await twitch.modify_channel_information(RIVER, tags=["no spaces"])
    with pytest.raises(TwitchAPIException, match="game_id"):
        await twitch.modify_channel_information(RIVER, game_id="999")
    with pytest.raises(UnauthorizedException, match="broadcaster_id"):
        await twitch.modify_channel_information(id_of("brook"), title="Not mine")


async def test_channels_are_found_by_how_they_begin(platform: Platform, twitch: Twitch) -> None:
    found = [each.broadcaster_login async for each in twitch.search_channels("Riv", first=1)]
    assert found == ["river", "rivulet"]
    assert [each.display_name async for each in twitch.search_channels("river!")] == ["River"]
    assert [each async for each in twitch.search_channels("x")] == []
    await platform.go_live(id_of("rivulet"), "s", BEGUN)
    (live,) = [each async for each in twitch.search_channels("riv", live_only=True)]
    assert (live.broadcaster_login, live.is_live) == ("rivulet", True)


async def test_categories(platform: Platform, twitch: Twitch) -> None:
    found = [each.name async for each in twitch.search_categories("final fan")]
    assert found == ["Final Fantasy XIV Online"]
    games = [game.name async for game in twitch.get_games(names=["music"], game_ids=["121"])]
    assert games == ["Chess", "Music"]
    change = ChangeChannel(channel_id=RIVER, category="Tetris")
    await platform.post("identity-commands", RIVER, change)
    await platform.go_live(RIVER, "s", BEGUN)
    top = [game.name async for game in twitch.get_top_games(first=50)]
    assert top[0] == "Tetris"
    assert len(top) == len(set(top)) > 50


async def test_moments_of_a_broadcast_are_marked(platform: Platform, twitch: Twitch) -> None:
    with pytest.raises(TwitchResourceNotFound):  # not live
        await twitch.create_stream_marker(RIVER, "Too early")
    await platform.publish(RIVER, "s1")
    made = []
    for second, description in ((252, "A goal"), (300, None)):
        platform.clock.advance(second)
        made.append(await twitch.create_stream_marker(RIVER, description))
    assert [(each.position_seconds, each.description) for each in made] == [
        (252, "A goal"),
        (552, ""),
    ]
    for user, video in ((RIVER, None), (None, "s1")):
        pages = [page async for page in twitch.get_stream_markers(user, video, first=1)]
        found = [marker for page in pages for video in page.videos for marker in video.markers]
        assert [marker.id for marker in found] == [made[1].id, made[0].id]
        assert found[1].created_at == made[0].created_at
        assert pages[0].user_login == "river"
        assert pages[0].videos[0].video_id == "s1"
        assert found[0].URL.endswith(f"/studio#marker-{made[1].id}")
    with pytest.raises(UnauthorizedException, match="user_id"):
        await twitch.create_stream_marker(id_of("brook"), "Not mine")
