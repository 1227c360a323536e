"""What all settings have in common."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class Section(BaseSettings):
    """Read once, from the environment; what it does not know it refuses."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="MILLRACE_")
