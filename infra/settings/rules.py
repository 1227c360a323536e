"""What the rules of contexts leave to whoever runs the platform."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from infra.settings.section import Section


class BroadcastSettings(Section):
    """Rules of the broadcast context."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_BROADCAST_")

    grace: float = Field(
        60.0, ge=0, description="Seconds a publisher may be away before the stream ends."
    )
    silence: float = Field(
        10.0,
        gt=0,
        description="Seconds without a sign of life after which a session counts as gone.",
    )


class ChatSettings(Section):
    """For how long chats can be read."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_CHAT_")

    history_days: float = Field(
        0,
        ge=0,
        le=3650,
        description="Days for which what was said in a chat can be read, from when it was said; "
        "0: for good. After a change, `millrace rebuild` fits rows that are there already.",
    )
    audit_days: float = Field(
        0,
        ge=0,
        le=3650,
        description="Days for which the moderation log can be read, which has the texts of what "
        "was taken out; 0: for good.",
    )


class TranscodeSettings(Section):
    """Who gets which renditions."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_TRANSCODE_")

    pool: str = Field(
        "default",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="Name of the transcoders and streams that belong together: those of a region.",
    )
    reserve: float = Field(
        0.125,
        ge=0,
        lt=1,
        description="Share of all capacity that affiliates may use, but are promised nothing of.",
    )
    grace: float = Field(
        30.0, ge=0, description="Seconds for which a rendition that is taken away is still made."
    )
    worker_silence: float = Field(
        5.0, gt=1, description="Seconds without a word after which a transcoder counts as lost."
    )
    settling: float = Field(
        60.0,
        ge=0,
        description="Seconds for which a stream that lost a rendition is given none back.",
    )
    back_off: float = Field(
        60.0,
        gt=0,
        description="Seconds for which a transcoder that could not make a rendition is spared it; "
        "doubles each time.",
    )
    idle_renditions: bool = Field(
        False,
        description="Whether regular streams get renditions while capacity is idle and viewers "
        "ask for them.",
    )
    idle_viewers: int = Field(
        3, ge=1, le=100, description="Distinct viewers that must ask for a regular stream's."
    )
    idle_window: float = Field(
        300.0,
        gt=0,
        description="Seconds within which they must ask; without a wish for so long, a regular "
        "stream's renditions are taken back.",
    )
    reservation_lead: float = Field(
        600.0, ge=0, description="Seconds before an event begins from which its room is held."
    )
