"""The identity context: commands about channels and stream keys in, what happened out."""

from functools import partial

from agents.identity.agent import decide_identities
from agents.identity.model import Channel
from infra.streaming import App


def register(app: App) -> None:
    """Wire the context's agents and tables into an app."""
    channels = app.Table("channel-by-id", value_type=Channel)
    app.add_agent(
        "decide-identities",
        source="identity-commands",
        sink="identity-events",
        handler=partial(decide_identities, channels=channels),
    )
