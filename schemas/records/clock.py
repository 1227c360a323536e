"""Records of the clock context. Generated from `schemas/avro` by `make generate`: do not edit."""

from typing import ClassVar

from infra.record import Record


class Tick(Record, frozen=True, kw_only=True):
    """One second has passed. Written once a second into every partition of every commands topic, so that time is on the log."""

    FULL_NAME: ClassVar[str] = "millrace.clock.Tick"
