"""The broadcast context: publisher facts in, what happened to streams out."""

from functools import partial

from agents.broadcast.agent import decide_broadcasts, forward_publishes
from agents.broadcast.model import Rules, Stream
from infra.settings import BroadcastSettings
from infra.streaming import App


def register(app: App, settings: BroadcastSettings) -> None:
    """Wire the context's agents and tables into an app."""
    rules = Rules(grace=int(settings.grace * 1e6), silence=int(settings.silence * 1e6))
    streams = app.Table("stream-by-channel", value_type=Stream)
    app.add_agent(
        "forward-publishes",
        source="ingest-events",
        sink="broadcast-commands",
        handler=forward_publishes,
    )
    app.add_agent(
        "decide-broadcasts",
        source="broadcast-commands",
        sink="broadcast-events",
        handler=partial(decide_broadcasts, streams=streams, rules=rules),
    )
