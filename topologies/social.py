"""The social context: who wants to follow whom in, who does out, and notes of it by user."""

from functools import partial

from agents.social.agent import decide_follows, forward_follows, note_follows
from agents.social.model import Follower
from infra.streaming import App


def register(app: App) -> None:
    """Wire the context's agents and tables into an app."""
    follows = app.Table("follow-by-channel-and-user", value_type=int)
    counts = app.Table("followers-by-channel", value_type=int)
    followers = app.Table("follower-by-user", value_type=Follower)
    noted = app.Table("followed-by-user-and-slot", value_type=list[str])
    app.add_agent(
        "decide-follows",
        source="social-commands",
        sink="social-events",
        handler=partial(decide_follows, follows=follows, counts=counts),
    )
    app.add_agent(
        "forward-follows",
        source="social-events",
        sink="follower-commands",
        handler=forward_follows,
        background=True,
    )
    app.add_agent(
        "note-follows",
        source="follower-commands",
        sink="social-commands",
        handler=partial(note_follows, followers=followers, noted=noted),
        background=True,
    )
