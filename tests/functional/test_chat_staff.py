"""Staff moderate every chat from the platform's own pages, and only as long as they are staff."""

from api.access import Principal
from api.chat.facts import Facts
from api.oauth2.standing import PAGES
from infra.names import id_of
from schemas.records.accounts import RevokeRole
from schemas.records.chat import ChangeChatSettings
from tests.functional.oauth_rig import Browser, Rig, browsing

RIVER, BROOK = id_of("river"), id_of("brook")
SETTINGS = f"/session/channels/{BROOK}/chat/settings"


async def change(browser: Browser) -> int:
    """Ask for slow mode in the chat of another, from a page."""
    form = (await (await browser.get("/session")).json())["user"]["form"]
    headers = {"Form-Token": form}
    response = await browser.client.patch(SETTINGS, json={"slow_seconds": 7}, headers=headers)
    return response.status


async def test_staff_moderate_from_pages() -> None:
    rig = Rig()
    async with browsing(rig) as browser:
        await rig.platform.sign_up("brook")
        await browser.sign_up("river")
        assert (await browser.get(SETTINGS)).status == 403
        assert await change(browser) == 403
        await rig.grant_role("river", "operator")
        assert (await browser.get(SETTINGS)).status == 200
        assert await change(browser) == 200
        asked = rig.platform.said[-1]
        assert isinstance(asked, ChangeChatSettings)
        assert (asked.by_id, asked.by_login, asked.by_role) == (RIVER, "river", "staff")
        revoke = RevokeRole(user_id=RIVER, role="operator")
        await rig.platform.post("account-commands", RIVER, revoke)
        assert await change(browser) == 403


async def test_staff_are_staff_at_the_edge_where_they_come_from_a_page() -> None:
    rig = Rig()
    async with browsing(rig) as browser:
        await rig.platform.sign_up("brook")
        await browser.sign_up("river")
        await rig.grant_role("river", "operator")

        async def roles(client_id: str, *held: str) -> tuple[str, ...]:
            facts = Facts(rig.views, rig.clock)
            user = await facts.user(Principal(RIVER, client_id, roles=frozenset(held)))
            return (await facts.you(BROOK, user)).roles

        assert await roles(PAGES) == ("staff",)
        assert await roles("a-bot-of-theirs") == (), "a token has to say so"
        assert await roles("a-bot-of-theirs", "operator") == ("staff",)
