"""The engagement context: what is asked of polls, predictions, points and raids, what came of it.

It runs in chat's worker, because what it tells everybody belongs into chat's one order and stands
or falls with that. Its source topic and its tables are its own.
"""

from functools import partial

from agents.engagement.agent import Tables, decide_engagement
from agents.engagement.closing import Crowds
from agents.engagement.state import Closing, Poll, Prediction, Purse, Raid, Stake
from infra.streaming import App, MakesTables


def tables(app: MakesTables) -> Tables:
    """The context's tables."""
    return Tables(
        polls=app.Table("poll-by-channel", value_type=Poll),
        predictions=app.Table("prediction-by-channel", value_type=Prediction),
        raids=app.Table("raid-by-channel", value_type=Raid),
        closing=app.Table("closing-by-poll-or-prediction", value_type=Closing),
        crowds=Crowds(
            votes=app.Table("vote-by-poll-and-user", value_type=int),
            stakes=app.Table("stake-by-prediction-and-user", value_type=Stake),
            pages=app.Table("users-by-poll-or-prediction", value_type=list[str]),
            purses=app.Table("purse-by-channel-and-user", value_type=Purse),
        ),
    )


def register(app: App) -> None:
    """Wire the context's agent and tables into an app."""
    app.add_agent(
        "decide-engagement",
        source="engagement-commands",
        sink="engagement-events",
        handler=partial(decide_engagement, tables=tables(app)),
    )
