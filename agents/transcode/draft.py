"""A decision in the making: which streams it changes, why, and what is said about them."""

from typing import Any

from msgspec.structs import replace

from agents.transcode.pool import Pool
from agents.transcode.rows import HELD, Held, Stream, base, with_rungs
from schemas.records.transcode import LadderChanged, Rung


class Draft:
    """The changes that one command makes to the pool, seen as one event a stream."""

    def __init__(self, pool: Pool, now: int) -> None:
        self.pool = pool
        self.now = now
        self._before: dict[str, Stream | None] = {}
        self._causes: dict[str, str] = {}

    def edit(self, stream: Stream, cause: str, **changes: Any) -> Stream:
        """Change a stream. Of several causes in one decision the first is told."""
        after: Stream = replace(stream, **changes) if changes else stream
        if after.worker_id and not _made(after):
            after = replace(after, worker_id="")
        before = self.pool.streams.get(stream.stream_id)
        if after == before:
            return after
        self._before.setdefault(stream.stream_id, before)
        self._causes.setdefault(stream.stream_id, cause)
        self.pool.put_stream(stream.stream_id, after)
        return after

    def mend(self, stream: Stream, cause: str, **changes: Any) -> Stream:
        """Change a stream, and let every rung that is not made be as its standing has it."""
        return self.edit(base(replace(stream, **changes), self.pool.rules.idle), cause)

    def untarget(self, stream: Stream, cause: str) -> Stream:
        """Take back the room that a stream was promised and does not have yet."""
        if stream.worker_id:
            self.pool.grown.add(stream.worker_id)  # there may be room where it is
        nothing = {
            rung: Held("waiting", "no_capacity")
            for rung, held in enumerate(stream.rungs)
            if held.reason == "awaiting_preemption"
        }
        return self.edit(stream, cause, rungs=with_rungs(stream, nothing), target="")

    def forget(self, stream: Stream) -> None:
        """Delete a stream: it is over."""
        self._before.setdefault(stream.stream_id, stream)
        self._causes[stream.stream_id] = "stream_over"
        self.pool.put_stream(stream.stream_id, None)

    def events(self) -> list[LadderChanged]:
        """What is to be said: all about each stream of which something is not as it was."""
        found = []
        for stream_id, before in self._before.items():
            after = self.pool.streams.get(stream_id)
            if after is None and before is not None:
                gone = (Held("refused", "stream_over"),) * len(before.rungs)
                after = replace(before, rungs=gone, worker_id="", target="")
            if after is None or not after.described or not after.channel_id:
                continue
            if before is None or _public(before) != _public(after):
                found.append(self._told(after, self._causes[stream_id]))
        return found

    def _told(self, stream: Stream, cause: str) -> LadderChanged:
        return LadderChanged(
            stream_id=stream.stream_id,
            channel_id=stream.channel_id,
            session_id=stream.session_id,
            pool=self.pool.rules.pool,
            tier=stream.tier,  # type: ignore[arg-type]
            worker_id=stream.worker_id,
            assignment=stream.assignment,
            cause=cause,
            rungs=[
                Rung(
                    name=each.name,
                    width=each.width,
                    height=each.height,
                    frame_rate=each.frame_rate,
                    bitrate=each.bitrate,
                    state=held.state,  # type: ignore[arg-type]
                    reason=held.reason,
                    until=held.until or None,
                )
                for each, held in zip(stream.ladder.renditions, stream.rungs, strict=True)
            ],
        )


def _made(stream: Stream) -> bool:
    """Whether its worker makes anything of it, or will where it is."""
    return any(
        held.state in HELD or (held.reason == "awaiting_preemption" and not stream.target)
        for held in stream.rungs
    )


def _public(stream: Stream) -> tuple[object, ...]:
    """What others are told of a stream."""
    return (
        bool(stream.channel_id) and stream.described,
        stream.session_id,
        stream.tier,
        stream.worker_id,
        stream.assignment,
        stream.ladder.renditions,
        stream.rungs,
    )
