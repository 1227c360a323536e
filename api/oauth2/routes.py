"""The routes of OAuth 2 and of the pages about accounts."""

from typing import Any

from api.access import by_client, by_session, by_token, public
from api.oauth2.answers import FORM, Fault
from api.oauth2.consenting import get_authorize, post_authorize
from api.oauth2.inspecting import (
    Introspected,
    TokenOnly,
    Valid,
    get_validate,
    post_introspect,
    post_revoke,
)
from api.oauth2.issuing import Issued, TokenForm, post_token
from api.oauth2.metadata import KeySet, Metadata, get_jwks, get_metadata
from api.oauth2.own_account import (
    get_account,
    get_application,
    get_erase,
    get_goodbye,
    post_application,
    post_delete_application,
    post_end_access,
    post_end_others,
    post_erase,
    post_password,
    post_profile,
    post_secret,
)
from api.oauth2.signing_in import get_signin, get_signup, post_signin, post_signout, post_signup
from api.problems import Handler
from api.routes import Route, Said


def _asked(path: str, handler: Handler, body: Any, answer: Any) -> Route:
    """An endpoint that an application sends a form to."""
    said = Said(body=body, answer=answer, body_type=FORM, failure=Fault, errors=(401,))
    return Route("POST", path, handler, by_client, said, handler.__doc__ or "")


def _read(path: str, handler: Handler, answer: Any) -> Route:
    return Route("GET", path, handler, public, Said(answer=answer), handler.__doc__ or "")


ENDPOINTS = (
    _asked("/oauth2/token", post_token, TokenForm, Issued),
    _asked("/oauth2/introspect", post_introspect, TokenOnly, Introspected),
    _asked("/oauth2/revoke", post_revoke, TokenOnly, dict[str, str]),
    Route(
        "GET",
        "/oauth2/validate",
        get_validate,
        by_token,
        Said(answer=Valid, failure=Fault, errors=(401,)),
        get_validate.__doc__ or "",
    ),
    _read("/.well-known/oauth-authorization-server", get_metadata, Metadata),
    _read("/.well-known/jwks.json", get_jwks, KeySet),
)

PAGES = (
    Route("GET", "/oauth2/authorize", get_authorize, by_session),
    Route("POST", "/oauth2/authorize", post_authorize, by_session),
    Route("GET", "/signin", get_signin, public),
    Route("POST", "/signin", post_signin, by_session),
    Route("GET", "/signup", get_signup, public),
    Route("POST", "/signup", post_signup, by_session),
    Route("POST", "/signout", post_signout, by_session),
    Route("GET", "/goodbye", get_goodbye, public),
    Route("GET", "/account", get_account, by_session),
    Route("POST", "/account/access/end", post_end_access, by_session),
    Route("POST", "/account/access/end-others", post_end_others, by_session),
    Route("POST", "/account/profile", post_profile, by_session),
    Route("POST", "/account/password", post_password, by_session),
    Route("POST", "/account/applications", post_application, by_session),
    Route("GET", "/account/applications/{client_id}", get_application, by_session),
    Route("POST", "/account/applications/{client_id}/secret", post_secret, by_session),
    Route("POST", "/account/applications/{client_id}/delete", post_delete_application, by_session),
    Route("GET", "/account/erase", get_erase, by_session),
    Route("POST", "/account/erase", post_erase, by_session),
)

ROUTES = (*ENDPOINTS, *PAGES)
