"""The accounts context: commands about users in, what happened out, and on to who it concerns."""

from functools import partial

from agents.accounts.agent import decide_accounts, forward_accounts
from agents.accounts.model import User
from agents.schedule import Schedule
from infra.streaming import App


def register(app: App) -> None:
    """Wire the context's agents and tables into an app."""
    users = app.Table("user-by-id", value_type=User)
    released = Schedule(app, "released-key")
    app.add_agent(
        "decide-accounts",
        source="account-commands",
        sink="account-events",
        handler=partial(decide_accounts, users=users, released=released),
    )
    app.add_agent("forward-accounts", source="account-events", sink=None, handler=forward_accounts)
