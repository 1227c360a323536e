"""What a worker that makes renditions measures of itself."""

from prometheus_client import Counter, Gauge, Histogram

STREAMS = Gauge("millrace_transcoder_streams", "Streams that renditions are made of")
RENDITIONS = Gauge("millrace_transcoder_renditions", "Renditions that are made")
WAITING = Gauge(
    "millrace_transcoder_waiting_seconds",
    "Media that came and is not made, at the stream worst off",
)
DELAY = Histogram(
    "millrace_transcoder_part_delay_seconds",
    "From a source's part on the log to a rendition's: median of each segment",
    buckets=(0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2, 5),
)
DEATHS = Counter("millrace_transcoder_deaths", "Processes of streams that died")
DROPPED = Counter("millrace_transcoder_dropped", "Renditions that were given up", ["reason"])
CPU = Counter("millrace_transcoder_cpu_seconds", "Processor time of encoding", ["encoder"])
POISON = Counter("millrace_transcoder_poison", "Messages that could not be read")
