"""What our pages ask of polls, predictions and raids, by the session of who sits there."""

from api.routes import Route
from api.session import of_page
from api.v1 import engagement, polls, predictions, raids

_CHANNEL = "/session/channels/{channel_id}"
_POLL = f"{_CHANNEL}/polls/{{poll_id}}"
_PREDICTION = f"{_CHANNEL}/predictions/{{prediction_id}}"

ROUTES: tuple[Route, ...] = (of_page("GET", f"{_CHANNEL}/engagement/me", engagement.get_mine),)
ASKING: tuple[Route, ...] = (
    of_page("POST", f"{_CHANNEL}/polls", polls.start_poll),
    of_page("POST", f"{_POLL}/end", polls.end_poll),
    of_page("POST", f"{_POLL}/votes", polls.vote),
    of_page("POST", f"{_CHANNEL}/predictions", predictions.start_prediction),
    of_page("POST", f"{_PREDICTION}/lock", predictions.lock_prediction),
    of_page("POST", f"{_PREDICTION}/end", predictions.end_prediction),
    of_page("POST", f"{_PREDICTION}/stakes", predictions.stake),
    of_page("POST", f"{_CHANNEL}/points/{{user_id}}/grants", predictions.grant_points),
    of_page("POST", f"{_CHANNEL}/raid", raids.start_raid),
    of_page("POST", f"{_CHANNEL}/raid/launch", raids.launch_raid),
    of_page("DELETE", f"{_CHANNEL}/raid", raids.cancel_raid),
)
"""Those that ask the platform for something."""
