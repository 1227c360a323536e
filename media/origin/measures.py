"""What the origin measures of itself."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

REQUESTS: Final = Counter(
    "millrace_origin_requests_total", "Requests answered.", ["resource", "status"]
)
IN_PROGRESS: Final = Gauge("millrace_origin_requests_in_progress", "Requests in progress.")
SENT: Final = Counter("millrace_origin_sent_bytes", "Bytes of bodies sent.")
STREAMS: Final = Gauge("millrace_origin_streams", "Streams on air or ended a short while ago.")
CACHED: Final = Gauge("millrace_origin_cached_bytes", "Bytes of objects held in memory.")
PART_DELAY: Final = Histogram(
    "millrace_origin_part_delay_seconds",
    "From the announcement of a part to its place in the playlist.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
REPEATS: Final = Counter("millrace_origin_repeats_total", "Messages read before and dropped.")
GAPS: Final = Counter("millrace_origin_gaps_total", "Messages of a producer that never came.")
POISON: Final = Counter("millrace_origin_unreadable_total", "Messages that could not be decoded.")
THUMBNAILS: Final = Counter("millrace_origin_thumbnails_total", "Thumbnails made.", ["outcome"])
DUPLICATES: Final = Counter(
    "millrace_origin_duplicates_total",
    "Parts and segments that another process had made already.",
    ["kind"],
)
