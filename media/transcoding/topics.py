"""The topics that a worker reads and writes."""

import msgspec


class Topics(msgspec.Struct, frozen=True):
    """By what they carry; tests have their own."""

    parts: str = "media-parts"
    segments: str = "media-segments"
    decisions: str = "transcode-events"
    commands: str = "transcode-commands"
    measurements: str = "transcode-measurements"
