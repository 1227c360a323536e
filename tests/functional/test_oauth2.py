"""Tokens over HTTP: every flow, and every way in which one is refused."""

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientResponse
from joserfc import jwt
from joserfc.jwk import KeySet

from api.errors import Unauthorized
from api.oauth2.standing import GrantTokens
from infra.errors import Unavailable
from schemas.records.access import RefreshTokens
from schemas.records.accounts import RotateApplicationSecret
from tests.functional.oauth_rig import BACK, Browser, Rig, authorize, browsing

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")
PKCE = {"code_challenge": CHALLENGE.decode(), "code_challenge_method": "S256"}


@pytest_asyncio.fixture
async def browser(rig: Rig) -> AsyncIterator[Browser]:
    async with browsing(rig) as found:
        assert (await found.sign_up()).status == 303
        yield found


@pytest_asyncio.fixture
async def app(browser: Browser) -> dict[str, str]:
    client_id, secret = await browser.new_application()
    return {"client_id": client_id, "client_secret": secret}


async def token(browser: Browser, **form: str) -> tuple[int, dict[str, Any]]:
    response = await browser.client.post("/oauth2/token", data=form)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.content_type == "application/json"
    return response.status, await response.json()


async def issued(browser: Browser, app: dict[str, str], **query: str) -> dict[str, Any]:
    """Tokens by way of a code."""
    said = await browser.allow(client_id=app["client_id"], **query)
    status, found = await token(
        browser, grant_type="authorization_code", code=said["code"], redirect_uri=BACK, **app
    )
    assert status == 200, found
    return found


async def validate(browser: Browser, access_token: str, scheme: str = "OAuth") -> ClientResponse:
    headers = {"Authorization": f"{scheme} {access_token}"}
    return await browser.client.get("/oauth2/validate", headers=headers)


def refused(found: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    """Status and code of an error, which is said in both dialects."""
    status, body = found
    assert (body["status"], body["message"]) == (status, body["error_description"])
    return status, body["error"]


async def test_a_code_becomes_tokens_that_say_who_they_are_for(
    browser: Browser, app: dict[str, str]
) -> None:
    found = await issued(browser, app, scope="user:read:email channel:manage:broadcast")
    assert found["token_type"] == "bearer"
    assert found["scope"] == ["user:read:email", "channel:manage:broadcast"]
    assert found["expires_in"] == 3600
    for scheme in ("OAuth", "Bearer"):
        said = await (await validate(browser, found["access_token"], scheme)).json()
        assert said["login"] == "river"
        assert said["client_id"] == app["client_id"]
        assert said["scopes"] == ["channel:manage:broadcast", "user:read:email"]
        assert said["expires_in"] == 3600
        assert said["user_id"]
    me = await browser.client.get(
        "/test/me", headers={"Authorization": f"Bearer {found['access_token']}"}
    )
    assert (await me.json())["name"] == f"user:{said['user_id']}@{app['client_id']}"


async def test_others_verify_a_token_by_the_published_keys(
    browser: Browser, app: dict[str, str], rig: Rig
) -> None:
    found = await issued(browser, app)
    metadata = await (await browser.client.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["issuer"] == rig.authority.url
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    path = metadata["jwks_uri"].removeprefix(rig.authority.url)
    response = await browser.client.get(path)
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    keys = KeySet.import_key_set(await response.json())
    claims = jwt.decode(found["access_token"], keys, algorithms=["EdDSA"]).claims
    assert claims["iss"] == metadata["issuer"]
    assert "d" not in (await response.json())["keys"][0]


async def test_clients_of_the_dialect_send_everything_in_the_query(
    browser: Browser, app: dict[str, str]
) -> None:
    """As `twitchAPI` does: an empty body of no known type."""
    query = {**app, "grant_type": "client_credentials", "scope": ""}
    response = await browser.client.post("/oauth2/token", params=query)
    found = await response.json()
    assert (response.status, "refresh_token" in found) == (200, False)
    said = await (await validate(browser, found["access_token"])).json()
    assert said == {"client_id": app["client_id"], "scopes": [], "expires_in": 3600}
    query = {"client_id": app["client_id"], "token": found["access_token"]}
    assert (await browser.client.post("/oauth2/revoke", params=query)).status == 200
    assert (await validate(browser, found["access_token"])).status == 401


async def test_an_application_signs_in_by_basic_too(browser: Browser, app: dict[str, str]) -> None:
    def basic(secret: str) -> dict[str, str]:
        text = base64.b64encode(f"{app['client_id']}:{secret}".encode()).decode()
        return {"Authorization": f"Basic {text}"}

    form = {"grant_type": "client_credentials"}
    post = browser.client.post
    right = await post("/oauth2/token", data=form, headers=basic(app["client_secret"]))
    assert right.status == 200
    wrong = await post("/oauth2/token", data=form, headers=basic("wrong"))
    assert wrong.status == 401
    assert wrong.headers["WWW-Authenticate"].startswith("Basic ")
    both = await post("/oauth2/token", data={**form, **app}, headers=basic(app["client_secret"]))
    assert (both.status, (await both.json())["error"]) == (400, "invalid_request")
    odd = await post("/oauth2/token", data=form, headers={"Authorization": "Basic ???"})
    assert odd.status == 401


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"grant_type": ""}, (400, "invalid_request")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
        ({"grant_type": "implicit"}, (400, "unsupported_grant_type")),
        ({"client_secret": "wrong"}, (401, "invalid_client")),
        ({"client_secret": ""}, (401, "invalid_client")),
        ({"client_id": "nobody"}, (401, "invalid_client")),
        ({"client_id": "millrace", "client_secret": ""}, (401, "invalid_client")),
        ({"client_id": ""}, (400, "invalid_request")),
        ({"scope": "no:such:scope"}, (400, "invalid_scope")),
        ({"scope": "events:write:identity-commands"}, (400, "invalid_scope")),
        ({"scope": "platform:operate"}, (400, "invalid_scope")),
    ],
)
async def test_an_application_that_asks_wrongly_is_refused(
    browser: Browser, app: dict[str, str], change: dict[str, str], expected: tuple[int, str]
) -> None:
    given = {"grant_type": "client_credentials", **app, **change}
    assert refused(await token(browser, **given)) == expected


async def test_a_form_is_a_form(browser: Browser, app: dict[str, str]) -> None:
    post = browser.client.post
    form = {"grant_type": "client_credentials", **app}
    assert (await post("/oauth2/token", json=form)).status == 400
    twice = await post("/oauth2/token", params={"grant_type": "refresh_token"}, data=form)
    assert (twice.status, (await twice.json())["error"]) == (400, "invalid_request")
    large = await post("/oauth2/token", data={**form, "x": "x" * 20_000})
    assert (large.status, (await large.json())["error"]) == (413, "invalid_request")
    broken = await post(
        "/oauth2/token",
        data=b"grant_type=%ff%fe",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert broken.status == 400


async def test_a_code_counts_once_and_a_second_time_ends_it(
    browser: Browser, app: dict[str, str]
) -> None:
    said = await browser.allow(client_id=app["client_id"])
    form = {"grant_type": "authorization_code", "code": said["code"], "redirect_uri": BACK, **app}
    status, found = await token(browser, **form)
    assert status == 200
    assert refused(await token(browser, **form)) == (400, "invalid_grant")
    assert refused(
        await token(
            browser, grant_type="refresh_token", refresh_token=found["refresh_token"], **app
        )
    ) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": f"{BACK}/"},
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"code": "nonsense"},
    ],
)
async def test_a_code_is_worth_nothing_to_who_stole_it(
    browser: Browser, app: dict[str, str], change: dict[str, str]
) -> None:
    said = await browser.allow(client_id=app["client_id"], **PKCE)
    form = {
        "grant_type": "authorization_code",
        "code": said["code"],
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
        **app,
        **change,
    }
    assert refused(await token(browser, **form)) == (400, "invalid_grant")


async def test_a_challenge_cannot_be_left_out_or_added_later(
    browser: Browser, app: dict[str, str]
) -> None:
    """PKCE downgrade (RFC 9700 section 4.8.2): a verifier without a challenge is refused."""
    said = await browser.allow(client_id=app["client_id"])
    form = {"grant_type": "authorization_code", "code": said["code"], "redirect_uri": BACK, **app}
    assert refused(await token(browser, **form, code_verifier=VERIFIER)) == (400, "invalid_grant")
    short = {**form, "code_verifier": "short"}
    assert refused(await token(browser, **short)) == (400, "invalid_request")


async def test_a_code_of_one_application_is_not_anothers(
    browser: Browser, app: dict[str, str]
) -> None:
    other_id, other_secret = await browser.new_application("Other")
    said = await browser.allow(client_id=app["client_id"])
    stolen = {"client_id": other_id, "client_secret": other_secret}
    form = {"grant_type": "authorization_code", "code": said["code"], "redirect_uri": BACK}
    assert refused(await token(browser, **form, **stolen)) == (400, "invalid_grant")
    assert refused(await token(browser, **form, **app)) == (400, "invalid_grant"), "it ended"


async def test_a_code_is_too_old_after_a_minute(
    browser: Browser, app: dict[str, str], rig: Rig
) -> None:
    said = await browser.allow(client_id=app["client_id"])
    rig.clock.advance(61)
    form = {"grant_type": "authorization_code", "code": said["code"], "redirect_uri": BACK, **app}
    assert refused(await token(browser, **form)) == (400, "invalid_grant")


async def test_a_public_application_has_pkce_and_no_secret(browser: Browser) -> None:
    client_id, secret = await browser.new_application("Phone", kind="public")
    assert secret == ""
    said = await browser.allow(client_id=client_id, **PKCE)
    form = {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "code": said["code"],
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
    }
    assert refused(await token(browser, **form, client_secret="guess")) == (401, "invalid_client")
    status, found = await token(browser, **form)
    assert status == 200, found
    kind = {"grant_type": "client_credentials", "client_id": client_id}
    assert refused(await token(browser, **kind)) == (400, "unauthorized_client")


async def test_a_refresh_token_counts_once_and_may_ask_for_less(
    browser: Browser, app: dict[str, str]
) -> None:
    first = await issued(browser, app, scope="user:read:email clips:edit")
    form = {"grant_type": "refresh_token", **app}
    wide = {**form, "refresh_token": first["refresh_token"], "scope": "channel:moderate"}
    assert refused(await token(browser, **wide)) == (400, "invalid_scope")
    status, second = await token(
        browser, **form, refresh_token=first["refresh_token"], scope="clips:edit"
    )
    assert (status, second["scope"]) == (200, ["clips:edit"])
    assert second["refresh_token"] != first["refresh_token"]
    assert (await validate(browser, first["access_token"])).status == 200
    again = {**form, "refresh_token": first["refresh_token"]}
    assert refused(await token(browser, **again)) == (400, "invalid_grant")
    last = {**form, "refresh_token": second["refresh_token"]}
    assert refused(await token(browser, **last)) == (400, "invalid_grant"), "all of it ended"


async def test_a_revoked_token_stops_within_five_seconds_on_every_gateway(
    browser: Browser, app: dict[str, str], rig: Rig
) -> None:
    found = await issued(browser, app)
    other_tokens = GrantTokens(rig.tokens, rig.views, rig.clock)  # of another gateway
    await other_tokens.verify(found["access_token"])
    form = {"token": found["access_token"], **app}
    assert (await browser.client.post("/oauth2/revoke", data=form)).status == 200
    assert (await validate(browser, found["access_token"])).status == 401
    rig.clock.advance(3.1)
    with pytest.raises(Unauthorized, match="ended"):
        await other_tokens.verify(found["access_token"])
    assert (await browser.client.post("/oauth2/revoke", data=form)).status == 200, "no error"


async def test_a_refresh_token_revokes_and_a_forged_one_does_not(
    browser: Browser, app: dict[str, str]
) -> None:
    found = await issued(browser, app)
    subject, grant, _ = found["refresh_token"].split(".")
    forged = {"token": f"{subject}.{grant}.{'A' * 43}", "client_id": app["client_id"]}
    assert (await browser.client.post("/oauth2/revoke", data=forged)).status == 200
    assert (await validate(browser, found["access_token"])).status == 200
    right = {"token": found["refresh_token"], "client_id": app["client_id"]}
    assert (await browser.client.post("/oauth2/revoke", data=right)).status == 200
    assert (await validate(browser, found["access_token"])).status == 401


async def test_only_the_own_tokens_are_revoked(browser: Browser, app: dict[str, str]) -> None:
    other_id, other_secret = await browser.new_application("Other")
    found = await issued(browser, app)
    form = {"token": found["access_token"], "client_id": other_id, "client_secret": other_secret}
    response = await browser.client.post("/oauth2/revoke", data=form)
    assert (response.status, (await response.json())["error"]) == (400, "invalid_request")
    wrong = {**form, "client_id": app["client_id"], "client_secret": "wrong"}
    assert (await browser.client.post("/oauth2/revoke", data=wrong)).status == 401
    assert (await browser.client.post("/oauth2/revoke", data=app)).status == 400
    assert (await validate(browser, found["access_token"])).status == 200


async def test_introspection_tells_an_application_of_its_own_tokens(
    browser: Browser, app: dict[str, str], rig: Rig
) -> None:
    found = await issued(browser, app, scope="clips:edit")

    async def said(**form: str) -> tuple[int, dict[str, Any]]:
        response = await browser.client.post("/oauth2/introspect", data=form)
        return response.status, await response.json()

    status, body = await said(token=found["access_token"], **app)
    assert (status, body["active"], body["username"], body["scope"]) == (
        *(200, True),
        *("river", "clips:edit"),
    )
    assert body["iss"] == rig.authority.url
    other_id, other_secret = await browser.new_application("Other")
    stranger = {"client_id": other_id, "client_secret": other_secret}
    assert await said(token=found["access_token"], **stranger) == (200, {"active": False})
    assert await said(token="nonsense", **app) == (200, {"active": False})
    assert refused(await said(token=found["access_token"], client_id=app["client_id"])) == (
        401,
        "invalid_client",
    )
    public, _ = await browser.new_application("Phone", kind="public")
    assert refused(await said(token="x", client_id=public)) == (400, "unauthorized_client")


@pytest.mark.parametrize(
    "header", ["", "OAuth", "OAuth nonsense", "Basic eDp4", "OAuth " + "x" * 5000]
)
async def test_validate_refuses_as_the_dialect_does(browser: Browser, header: str) -> None:
    response = await browser.client.get("/oauth2/validate", headers={"Authorization": header})
    assert response.status == 401
    body = await response.json()
    assert (body["status"], body["message"]) == (401, "invalid access token")


async def test_tokens_of_a_deleted_application_stop(
    browser: Browser, app: dict[str, str], rig: Rig
) -> None:
    found = await issued(browser, app)
    await browser.get(f"/account/applications/{app['client_id']}")
    await browser.send(f"/account/applications/{app['client_id']}/delete")
    rig.clock.advance(3.1)
    assert (await validate(browser, found["access_token"])).status == 401
    kind = {"grant_type": "refresh_token", "refresh_token": found["refresh_token"]}
    assert refused(await token(browser, **kind, **app)) == (401, "invalid_client")


async def test_a_new_secret_ends_the_one_before(
    browser: Browser, app: dict[str, str], rig: Rig
) -> None:
    await browser.get(f"/account/applications/{app['client_id']}")
    response = await browser.send(f"/account/applications/{app['client_id']}/secret")
    assert response.status == 200
    assert app["client_secret"] not in browser.text
    assert isinstance(rig.platform.said[-1], RotateApplicationSecret)
    form = {"grant_type": "client_credentials", **app}
    assert refused(await token(browser, **form)) == (401, "invalid_client")


async def test_the_log_is_for_services_and_operating_for_operators(
    browser: Browser, app: dict[str, str], rig: Rig
) -> None:
    wish = "events:read:broadcast-events platform:operate"
    denied = await browser.allow(client_id=app["client_id"], scope=wish)
    assert denied["error"] == "invalid_scope"
    await rig.grant_role("river", "operator")
    found = await issued(browser, app, scope=wish)

    async def me(token: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        said: dict[str, Any] = await (await browser.client.get("/test/me", headers=headers)).json()
        return said

    assert (await me(found["access_token"]))["roles"] == ["operator"]
    plain = await issued(browser, app, scope="clips:edit")
    assert (await me(plain["access_token"]))["roles"] == [], "not unless the token says so"
    await rig.grant_role("river", "service")
    status, service = await token(
        browser, grant_type="client_credentials", scope="events:write:identity-commands", **app
    )
    assert (status, service["scope"]) == (200, ["events:write:identity-commands"])


async def test_without_a_platform_nothing_is_used_up(
    browser: Browser, app: dict[str, str], rig: Rig
) -> None:
    said = await browser.allow(client_id=app["client_id"])
    form = {"grant_type": "authorization_code", "code": said["code"], "redirect_uri": BACK, **app}
    rig.platform.away = True
    response = await browser.client.post("/oauth2/token", data=form)
    assert (response.status, "Retry-After" in response.headers) == (503, True)
    assert (await response.json())["error"] == "temporarily_unavailable"
    rig.platform.away = False
    assert (await token(browser, **form))[0] == 200
    rig.platform.store.failure = Unavailable("Redis is away")
    assert (await browser.client.post("/oauth2/token", data=form)).status == 503
    assert (await validate(browser, "x")).status == 401, "no view needs to be asked for that"


async def test_no_secret_is_on_the_log(browser: Browser, app: dict[str, str], rig: Rig) -> None:
    found = await issued(browser, app)
    await token(browser, grant_type="refresh_token", refresh_token=found["refresh_token"], **app)
    written = "".join(repr(each) for each in rig.platform.said)
    assert any(isinstance(each, RefreshTokens) for each in rig.platform.said)
    for secret in (app["client_secret"], found["refresh_token"], found["access_token"], "correct"):
        assert secret not in written


async def test_authorize_is_not_a_token_endpoint(browser: Browser, app: dict[str, str]) -> None:
    assert (await browser.client.post(authorize(**app))).status == 403
