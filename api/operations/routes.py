"""The routes of the operations page."""

from api.access import by_session
from api.operations.page import get_operations, post_cancel, post_reservation
from api.routes import Route

ROUTES = (
    Route("GET", "/operations", get_operations, by_session),
    Route("POST", "/operations/reservations", post_reservation, by_session),
    Route("POST", "/operations/reservations/cancel", post_cancel, by_session),
)
