"""Millrace's run loop: journaled state, deterministic ids and numbers, nothing skipped."""

from functools import partial
from pathlib import Path

from benchmarks._peers.work import Job, rule
from infra.streaming import App, Message, Send, Table, make_app, run
from schemas.records.broadcast import TouchSession
from schemas.registry import registry


def touch(message: Message, send: Send, *, progress: Table[tuple[int, int]]) -> None:
    """Count the channel and answer."""
    event = message.event
    channel = event.channel_id
    state = rule(progress.get(channel) or (0, 0), event.received_bytes)
    progress[channel] = state
    send(TouchSession(channel_id=channel, session_id=event.session_id, received_bytes=state[1]))


def main(job: Job) -> None:
    """Work until stopped."""
    run(lambda: touching(job))


def touching(job: Job) -> App:
    """Counts what is touched."""
    app = make_app(
        job.group,
        bootstrap=job.bootstrap,
        codec=registry(),
        partitions=lambda topic: 4,
        dead_letter_topic=lambda topic: None,
        data_dir=Path(job.folder),
        web_port=job.port,
    )
    progress = app.Table("progress", value_type=tuple[int, int])
    app.add_agent(
        "touch", source=job.source, sink=job.sink, handler=partial(touch, progress=progress)
    )
    return app


if __name__ == "__main__":
    main(Job.from_environment())
