"""The routes of the studio."""

from api.access import by_session
from api.routes import Route
from api.studio import state
from api.studio.page import get_key, get_studio, post_key, post_studio

ROUTES = (
    Route("GET", "/studio", get_studio, by_session),
    Route("POST", "/studio", post_studio, by_session),
    Route("GET", "/studio/key", get_key, by_session),
    Route("POST", "/studio/key", post_key, by_session),
    *state.ROUTES,
    *state.ASKING,
)
