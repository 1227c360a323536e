"""The transcode context: who gets which renditions, made by whom, and what that costs."""

from functools import partial

from agents.schedule import Schedule
from agents.transcode.agent import dispatch, open_tables
from agents.transcode.costs import Cost, measure_costs
from agents.transcode.forwarding import forward_broadcasts, forward_sources, forward_tiers
from agents.transcode.rows import Rules
from infra.settings import TranscodeSettings
from infra.streaming import App

COMMANDS = "transcode-commands"


def rules_of(settings: TranscodeSettings) -> Rules:
    """The dispatcher's rules, as the settings have them."""
    return Rules(
        pool=settings.pool,
        reserve=settings.reserve,
        grace=int(settings.grace * 1e6),
        silence=int(settings.worker_silence * 1e6),
        settling=int(settings.settling * 1e6),
        back_off=int(settings.back_off * 1e6),
        idle=settings.idle_renditions,
        viewers=settings.idle_viewers,
        window=int(settings.idle_window * 1e6),
        lead=int(settings.reservation_lead * 1e6),
    )


def register(app: App, settings: TranscodeSettings) -> None:
    """Wire the context's agents and tables into an app."""
    rules = rules_of(settings)
    app.add_agent(
        "dispatch",
        source=COMMANDS,
        sink="transcode-events",
        handler=partial(dispatch, tables=open_tables(app, rules), rules=rules),
    )
    for name, source, handler in (
        ("forward-broadcasts", "broadcast-events", forward_broadcasts),
        ("forward-sources", "media-segments", forward_sources),
        ("forward-tiers", "account-events", forward_tiers),
    ):
        app.add_agent(name, source=source, sink=COMMANDS, handler=partial(handler, pool=rules.pool))
    app.add_agent(
        "measure-costs",
        source="transcode-measurements",
        sink="stream-costs",
        handler=partial(
            measure_costs,
            costs=app.Table("cost-by-stream-and-rendition", value_type=Cost),
            endings=Schedule(app, "cost-ending"),
        ),
        background=True,
    )
