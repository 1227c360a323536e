"""A message of chat as the platform is asked to say it. Pure."""

from typing import Final

from api.chat.dialect import Place, User, You
from schemas.records.chat import MessageSent, SendMessage

_ACTION: Final = "/me "
_QUOTED: Final = 200
"""Code points of a message that is answered."""


def message(
    place: Place, user: User, you: You, text: str, parent: MessageSent | None
) -> SendMessage:
    """What somebody says, with what is known of them. `/me …` is an action."""
    is_action = text.startswith(_ACTION)
    return SendMessage(
        channel_id=place.channel_id,
        user_id=user.user_id,
        login=user.login,
        display_name=user.display_name,
        colour=user.colour,
        roles=list(you.roles),
        followed_at=you.followed_at,
        subscribed_months=you.subscribed_months,
        suspended=False,
        text=text.removeprefix(_ACTION) if is_action else text,
        kind="action" if is_action else "text",
        announcement_colour="",
        reply_to=parent.message_id if parent else "",
        reply_user_id=parent.user_id if parent else "",
        reply_login=parent.login if parent else "",
        reply_display_name=parent.display_name if parent else "",
        reply_text=parent.text[:_QUOTED] if parent else "",
        thread_id=(parent.thread_id or parent.message_id) if parent else "",
    )
