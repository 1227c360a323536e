"""Records of the transcode context. Generated from `schemas/avro` by `make generate`: do not edit."""

from typing import ClassVar, Literal

from infra.record import Part, Record


class Rung(Part, frozen=True, kw_only=True):
    """A rendition that a stream has, may have, or may not have, and why."""

    name: str
    """Rendition name: short side in pixels, p, frames a second: `720p60`."""
    width: int
    """Width in pixels, even."""
    height: int
    """Height in pixels, even."""
    frame_rate: float
    """Frames a second: the source's, or half of them."""
    bitrate: int
    """Bits of video a second that its encoder aims at."""
    state: Literal["granted", "going", "waiting", "refused"]
    """`granted`: to be made. `going`: made until `until`. `waiting`: not made, but wanted. `refused`: not made."""
    reason: str
    """Why, a stable code: tier, idle_capacity, reserved, preempted, not_asked, no_capacity, awaiting_preemption, worker_lost, worker_behind, encoder_failed, settling, quarantined, stream_over."""
    until: int | None = None
    """When a rung that is going goes; null for others."""


class AdmitStream(Record, frozen=True, kw_only=True):
    """A stream is on air: renditions may be made of it."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.AdmitStream"

    pool: str
    """Workers and streams that belong together: one dispatcher's order. Key of the message."""
    stream_id: str
    """The stream."""
    channel_id: str
    """The channel."""
    session_id: str
    """The publisher's connection."""


class CancelReservation(Record, frozen=True, kw_only=True):
    """Gives a reservation up."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.CancelReservation"

    pool: str
    """Workers and streams that belong together: one dispatcher's order. Key of the message."""
    reservation_id: str
    """The reservation."""


class CapacityReserved(Record, frozen=True, kw_only=True):
    """Room is held for an event to come."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.CapacityReserved"

    reservation_id: str
    """The reservation."""
    pool: str
    """The pool. Key of the message."""
    channel_id: str
    """The channel."""
    begins_at: int
    """From when."""
    ends_at: int
    """Until when at most."""
    cost: int
    """What the full ladder costs. In macroblocks (16x16 pixels) a second, as H.264 levels count load (ITU-T H.264, A.3.1)."""


class CostMeasured(Record, frozen=True, kw_only=True):
    """What making a rendition of a stream has cost so far."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.CostMeasured"

    stream_id: str
    """The stream. Key of the message."""
    rendition: str
    """Name of the rendition."""
    encoder: str
    """Encoder of its latest segment."""
    segments: int
    """Segments made."""
    media_seconds: float
    """Seconds of media made."""
    cpu_seconds: float
    """Processor time."""
    gpu_seconds: float
    """Time that a GPU's encoder was busy."""


class DescribeSource(Record, frozen=True, kw_only=True):
    """What a stream's source looks like."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.DescribeSource"

    pool: str
    """Workers and streams that belong together: one dispatcher's order. Key of the message."""
    stream_id: str
    """The stream."""
    session_id: str
    """The publisher's connection."""
    width: int
    """Width in pixels as shown; 0 without video."""
    height: int
    """Height in pixels; 0 without video."""
    frame_rate: float
    """Frames per second; 0 if unknown."""


class DropRung(Record, frozen=True, kw_only=True):
    """A worker cannot go on making a rendition."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.DropRung"

    pool: str
    """Workers and streams that belong together: one dispatcher's order. Key of the message."""
    worker_id: str
    """The worker: one run of a transcoder process."""
    stream_id: str
    """The stream."""
    assignment: int
    """The assignment that it works on."""
    rendition: str
    """Name of the rendition."""
    reason: str
    """worker_behind, encoder_failed."""
    detail: str
    """In plain words, with figures."""


class LadderChanged(Record, frozen=True, kw_only=True):
    """Which renditions of a stream are made, by whom, and why. All of it is said, also what stayed."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.LadderChanged"

    stream_id: str
    """The stream. Key of the message."""
    channel_id: str
    """The channel."""
    session_id: str
    """The publisher's connection at the time; empty if unknown."""
    pool: str
    """The pool."""
    tier: Literal["partner", "affiliate", "regular"]
    """What the channel may have."""
    worker_id: str
    """The worker that makes them; empty: none."""
    assignment: int
    """Counts the workers that the stream has had, from 1; 0 before the first."""
    cause: str
    """What led to the decision, a stable code: stream_started, source_changed, tier_changed, capacity_freed, capacity_lost, preempted, grace_over, worker_lost, worker_replaced, worker_drained, worker_behind, encoder_failed, quarantined, viewers_asked, nobody_asks, reserved, moved_for_ladder, stream_over."""
    rungs: list[Rung]
    """Every rendition that the source's size allows, the largest first; not the source."""


class PoolMeasured(Record, frozen=True, kw_only=True):
    """How much of a pool is used. Sent every ten seconds."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.PoolMeasured"

    pool: str
    """The pool. Key of the message."""
    workers: int
    """Workers that are there."""
    streams: int
    """Streams on air."""
    transcoded: int
    """Streams of which renditions are made."""
    capacity: int
    """What all workers can make. In macroblocks (16x16 pixels) a second, as H.264 levels count load (ITU-T H.264, A.3.1)."""
    used: int
    """What they make. In macroblocks (16x16 pixels) a second, as H.264 levels count load (ITU-T H.264, A.3.1)."""
    guaranteed: int
    """What of it nobody can take away. In macroblocks (16x16 pixels) a second, as H.264 levels count load (ITU-T H.264, A.3.1)."""
    reserved: int
    """What is held for partners and for events to come. In macroblocks (16x16 pixels) a second, as H.264 levels count load (ITU-T H.264, A.3.1)."""
    wanted: int
    """Renditions that channels are entitled to or may have."""
    served: int
    """Renditions of these that are made."""


class ReleaseStream(Record, frozen=True, kw_only=True):
    """A stream is over: nothing more is made of it."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.ReleaseStream"

    pool: str
    """Workers and streams that belong together: one dispatcher's order. Key of the message."""
    stream_id: str
    """The stream."""


class RenditionsRequested(Record, frozen=True, kw_only=True):
    """A viewer's wish for other renditions was counted."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.RenditionsRequested"

    stream_id: str
    """The stream. Key of the message."""
    channel_id: str
    """The channel."""
    viewers: int
    """How many asked in the last minutes."""


class ReportDeath(Record, frozen=True, kw_only=True):
    """A process that made a stream's renditions died."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.ReportDeath"

    pool: str
    """Workers and streams that belong together: one dispatcher's order. Key of the message."""
    worker_id: str
    """The worker: one run of a transcoder process."""
    stream_id: str
    """The stream."""
    assignment: int
    """The assignment that it worked on."""
    media_sequence: int
    """The segment that it was in; -1 if in none."""
    kept_object: str
    """Storage key of what it was fed of that segment; empty if nothing could be kept."""
    detail: str
    """How it died."""


class ReportWorker(Record, frozen=True, kw_only=True):
    """A worker says that it is there, and what it can do. Sent every second."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.ReportWorker"

    pool: str
    """Workers and streams that belong together: one dispatcher's order. Key of the message."""
    worker_id: str
    """The worker: one run of a transcoder process."""
    name: str
    """Name of the worker's place: a new worker with the name of another replaces it."""
    capacity: int
    """What it can make in real time, as it measured. In macroblocks (16x16 pixels) a second, as H.264 levels count load (ITU-T H.264, A.3.1)."""
    decoding: int
    """Thousandths: what a macroblock of the source costs to decode, against one that is encoded."""
    streams: int
    """Streams that it can work on at once, at most."""
    encoders: list[str]
    """Encoders that its probe found, best first: h264_nvenc, h264_qsv, h264_vaapi, libx264."""
    draining: bool
    """Whether it stops as soon as its streams are elsewhere."""


class RequestRefused(Record, frozen=True, kw_only=True):
    """What was asked of the dispatcher is not done."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.RequestRefused"

    pool: str
    """The pool. Key of the message."""
    command: str
    """Avro full name of the command."""
    reason: str
    """A stable code: unknown-stream, unknown-reservation, invalid-time, invalid-source."""
    detail: str
    """In plain words."""


class RequestRenditions(Record, frozen=True, kw_only=True):
    """A viewer would watch another rendition of a stream that has none."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.RequestRenditions"

    pool: str
    """Workers and streams that belong together: one dispatcher's order. Key of the message."""
    stream_id: str
    """The stream."""
    viewer: str
    """Whom to count once: the address or the user, hashed."""


class ReservationEnded(Record, frozen=True, kw_only=True):
    """A reservation holds nothing any more."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.ReservationEnded"

    reservation_id: str
    """The reservation."""
    pool: str
    """The pool. Key of the message."""
    channel_id: str
    """The channel."""
    reason: Literal["cancelled", "over"]
    """Why."""


class ReserveCapacity(Record, frozen=True, kw_only=True):
    """Asks for room for the full ladder of an event to come."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.ReserveCapacity"

    pool: str
    """Workers and streams that belong together: one dispatcher's order. Key of the message."""
    reservation_id: str
    """Chosen by who asks: asking twice with it is asking once."""
    channel_id: str
    """The channel."""
    begins_at: int
    """From when."""
    ends_at: int
    """Until when at most."""
    width: int
    """Width of the source to be expected, in pixels."""
    height: int
    """Height of it."""
    frame_rate: float
    """Its frames per second."""


class SegmentTranscoded(Record, frozen=True, kw_only=True):
    """A segment of a rendition was made: with what, from what, at what cost."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.SegmentTranscoded"

    stream_id: str
    """The stream. Key of the message."""
    worker_id: str
    """The worker."""
    assignment: int
    """The assignment."""
    rendition: str
    """Name of the rendition."""
    media_sequence: int
    """Number of the segment."""
    encoder: str
    """Encoder, as FFmpeg names it."""
    recipe: str
    """Digest of encoder, its version and all its options: what is equal gives equal bytes where `repeatable`."""
    repeatable: bool
    """Whether the encoder gives the same bytes for the same input."""
    source_digest: str
    """BLAKE2b-128 of the source's segment, in hex."""
    digest: str
    """BLAKE2b-128 of the rendition's segment, in hex."""
    frames: int
    """Pictures in it."""
    duration: float
    """Duration in seconds."""
    cpu_seconds: float
    """Processor time that it took, with its share of decoding."""
    gpu_seconds: float
    """Time that a GPU's encoder was busy with it, as far as it can be told; 0 without."""
    wall_seconds: float
    """Time from its first source frame to its last packet, less waiting for input."""
    delay: float
    """Seconds from the publishing of the source's part to the rendition's: median over the segment's parts."""


class SetTier(Record, frozen=True, kw_only=True):
    """What a channel may have."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.SetTier"

    pool: str
    """Workers and streams that belong together: one dispatcher's order. Key of the message."""
    channel_id: str
    """The channel."""
    tier: Literal["partner", "affiliate", "regular"]
    """Partner: the full ladder, always. Affiliate: a part of it, while there is capacity. Regular: the source."""


class StreamQuarantined(Record, frozen=True, kw_only=True):
    """Making renditions of a stream killed its process too often: viewers get the source only."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.StreamQuarantined"

    stream_id: str
    """The stream. Key of the message."""
    channel_id: str
    """The channel."""
    deaths: int
    """How many processes died."""
    media_sequence: int
    """The last segment that one died in; -1 if in none."""
    kept_object: str
    """Storage key of what it was fed of that segment; empty if nothing could be kept."""
    detail: str
    """How the last one died."""


class WorkerJoined(Record, frozen=True, kw_only=True):
    """A worker is there: streams may be given to it."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.WorkerJoined"

    pool: str
    """The pool. Key of the message."""
    worker_id: str
    """The worker: one run of a transcoder process."""
    name: str
    """Name of the worker's place."""
    capacity: int
    """What it can make in real time, as it measured. In macroblocks (16x16 pixels) a second, as H.264 levels count load (ITU-T H.264, A.3.1)."""
    encoders: list[str]
    """Encoders that its probe found, best first."""


class WorkerLeft(Record, frozen=True, kw_only=True):
    """A worker is given nothing more: its streams were moved."""

    FULL_NAME: ClassVar[str] = "millrace.transcode.WorkerLeft"

    pool: str
    """The pool. Key of the message."""
    worker_id: str
    """The worker."""
    name: str
    """Name of the worker's place."""
    reason: Literal["lost", "replaced", "drained"]
    """`lost`: it was silent for five seconds."""
