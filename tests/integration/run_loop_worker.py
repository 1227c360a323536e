"""A worker process for the tests of the run loop: counts sessions by channel and says the count.

Arguments: app name, bootstrap, web port, data folder, sink, partitions, then the source
topics.
"""

import sys
from pathlib import Path

from infra.streaming import App, Message, Send, Table, make_app, run
from schemas.records.broadcast import StreamStarted
from schemas.registry import registry


def counting_app(
    name: str,
    bootstrap: str,
    port: int,
    data: Path,
    sink: str,
    partitions: int,
    sources: list[str],
) -> App:
    app = make_app(
        name,
        bootstrap=bootstrap,
        codec=registry(),
        partitions=lambda topic: partitions,
        dead_letter_topic=lambda topic: None,
        web_port=port,
        web_token="operators",
        data_dir=data,
        session_timeout=6.0,
    )
    counts = app.Table("count-by-channel", value_type=int)
    for source in sources:
        app.add_agent(f"count-{source}", source=source, sink=sink, handler=counting(counts))
    return app


def counting(counts: Table[int]):
    def count(message: Message, send: Send) -> None:
        event = message.event
        number = counts.get(event.channel_id, 0) + 1
        counts[event.channel_id] = number
        send(
            StreamStarted(
                channel_id=event.channel_id,
                stream_id=event.session_id,
                session_id=str(number),
                started_at=message.meta.occurred_at,
            )
        )

    return count


if __name__ == "__main__":
    name, bootstrap, port, data, sink, partitions, *sources = sys.argv[1:]
    where = (name, bootstrap, int(port), Path(data), sink, int(partitions), sources)
    run(lambda: counting_app(*where))
