"""Streams on air that each pool of transcoders decides about: who has what, who waits."""

from collections import Counter

from infra.record import Envelope
from schemas.records.transcode import LadderChanged
from sinks.rows import Columns
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A stream has a row until it is over."""
    match message.event:
        case LadderChanged(cause="stream_over") as over:
            return [Delete((over.pool, over.stream_id))]
        case LadderChanged() as ladder:
            states = Counter(rung.state for rung in ladder.rungs)
            columns: Columns = {
                "channel_id": ladder.channel_id,
                "tier": ladder.tier,
                "worker_id": ladder.worker_id,
                "cause": ladder.cause,
                "granted": states["granted"],
                "going": states["going"],
                "waiting": states["waiting"],
                "refused": states["refused"],
                "changed_at": message.meta.occurred_at,
            }
            return [Upsert((ladder.pool, ladder.stream_id), columns)]
    return []


VIEW = View(
    name="pool-streams",
    purpose="Streams on air of each pool of transcoders, with how many rungs are made or wait.",
    topics=("transcode-events",),
    store="redis",
    key={"pool": str, "stream_id": str},
    columns={
        "channel_id": str,
        "tier": str,
        "worker_id": str,
        "cause": str,
        "granted": int,
        "going": int,
        "waiting": int,
        "refused": int,
        "changed_at": int,
    },
    project=project,
)
