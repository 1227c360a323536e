"""Every record by Avro full name. Generated from `schemas/avro` by `make generate`: do not edit."""

from infra.record import Record
from schemas.records import (
    access,
    accounts,
    broadcast,
    chat,
    clock,
    engagement,
    eventsub,
    identity,
    ingest,
    media,
    platform,
    social,
    transcode,
)

BY_NAME: dict[str, type[Record]] = {
    item.FULL_NAME: item
    for module in (
        access,
        accounts,
        broadcast,
        chat,
        clock,
        engagement,
        eventsub,
        identity,
        ingest,
        media,
        platform,
        social,
        transcode,
    )
    for item in vars(module).values()
    if isinstance(item, type) and issubclass(item, Record) and item is not Record
}
