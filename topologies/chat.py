"""The chat context: what is to be said in, what is said out."""

from agents.chat.agent import Chats, Tables, compile_all
from agents.chat.memory import KEPT, Memory
from agents.chat.rules import Judge
from agents.chat.state import Held, Room, Standing, Term
from infra.streaming import App


def register(
    app: App,
    *,
    emotes: dict[str, str] | None = None,
    judge: Judge | None = None,
) -> None:
    """Wire the context's agent and tables into an app. `judge`: AutoMod; none: it is off."""
    terms = app.Table("blocked-terms-by-channel", value_type=list[Term])
    chats = Chats(
        tables=Tables(
            rooms=app.Table("room-by-channel", value_type=Room, kept=KEPT),
            standings=app.Table("standing-by-channel-and-user", value_type=Standing),
            terms=terms,
            held=app.Table("held-by-channel-and-message", value_type=Held),
            storms=app.Table("storm-by-channel", value_type=int),
            memory=Memory(app),
            compiled=app.Derived("compiled-terms", lambda: compile_all(terms)),
        ),
        emotes=emotes or {},
        clock=app.config.clock,
        judge=judge,
    )
    app.add_agent("decide-chats", source="chat-commands", sink="chat-events", handler=chats.handle)
