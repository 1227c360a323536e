"""The access context: commands about grants in, what happened to them out."""

from functools import partial

from agents.access.agent import decide_access
from agents.access.model import Subject
from agents.schedule import Schedule
from infra.streaming import App


def register(app: App) -> None:
    """Wire the context's agents and tables into an app."""
    subjects = app.Table("grants-by-subject", value_type=Subject)
    expiries = Schedule(app, "grant-expiry")
    app.add_agent(
        "decide-access",
        source="access-commands",
        sink="access-events",
        handler=partial(decide_access, subjects=subjects, expiries=expiries),
    )
