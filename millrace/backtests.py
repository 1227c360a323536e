"""Reads a window of a chat from the log, and runs other rules over it. Nothing is written."""

import tomllib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml
from aiokafka import TopicPartition

from agents.chat.automod import AutoMod
from agents.chat.backtest import Changes, Replay, Report, Window, WindowReplay
from agents.chat.backtest.agreement import SECONDS
from agents.chat.backtest.log import MEMORY_SECONDS, origin_of
from agents.chat.limits import SECOND
from agents.chat.saying import Judge
from infra.errors import InvalidRecord, NotFound
from infra.kafka import LogReader, partition_of
from schemas.chat_emotes import ids_by_name
from schemas.registry import registry

OnProgress = Callable[[int, int], None]
"""Is told how many events were read, and about how many there are."""
TELL_EVERY: Final = 1_000
"""Events."""
_MILLISECOND: Final = 1000
_YAML: Final = frozenset({".yaml", ".yml"})


class Asked(msgspec.Struct, frozen=True):
    """A back-test that is asked for."""

    channel_id: str
    start: int
    end: int
    """The window, by when messages were written to the log: microseconds since 1970."""
    changes: Changes = Changes()
    examples: int = 5
    """Of each way in which a verdict changes."""
    most: int | None = None
    """Commands of the window at most, those of other channels of the partition included."""


async def back_test(
    bootstrap: str,
    asked: Asked,
    judge: Judge | None,
    *,
    on_progress: OnProgress | None = None,
    topics: tuple[str, str] = ("chat-commands", "chat-events"),
) -> Report:
    """What other rules would have done in a window. `judge`: AutoMod, as `judge_of` gives it.

    Raises InvalidRecord if the window is empty, too large, or no longer kept.
    """
    if asked.end <= asked.start:
        raise InvalidRecord("the window ends before it begins")
    async with LogReader(bootstrap) as asking, LogReader(bootstrap) as deciding:
        commands = await _partition(asking, topics[0], asked.channel_id)
        events = await _partition(deciding, topics[1], asked.channel_id)
        window = await _window(asking, commands, asked)
        replay = Replay(
            asked.channel_id,
            asked.changes,
            emotes=ids_by_name(),
            judge=judge,
            examples=asked.examples,
        )
        # Without changes it is the proof that the rules say again what they said: nothing is taken
        # from the log.
        trusting = asked.changes != Changes()
        rerun = WindowReplay(registry(), replay, window, trusting=trusting)
        await _run(
            rerun,
            _Ahead(asking, commands, window),
            _decided(deciding, events, window, asked.end, on_progress),
        )
    return rerun.report(asked.start, asked.end)


def judge_of(changes: Changes) -> Judge:
    """AutoMod with the model that is asked for, or the one in force. Raises InvalidRecord."""
    version = changes.automod.model
    if version is None:
        return AutoMod()
    try:
        return AutoMod(version)
    except FileNotFoundError as error:
        raise InvalidRecord(f"automod.model: there is no model {version}") from error


def changes_in(path: Path) -> Changes:
    """What a file says is to be tried: TOML, or YAML by its suffix. Raises InvalidRecord."""
    try:
        text = path.read_text()
        said = yaml.safe_load(text) if path.suffix in _YAML else tomllib.loads(text)
        return Changes.read(said or {})
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except (ValueError, yaml.YAMLError, InvalidRecord) as error:
        raise InvalidRecord(f"{path}: {error}") from error


async def _partition(log: LogReader, topic: str, channel_id: str) -> TopicPartition:
    partitions = await log.partitions(topic)
    return partitions[partition_of(channel_id.encode(), len(partitions))]


async def _window(log: LogReader, commands: TopicPartition, asked: Asked) -> Window:
    async def at(time: int) -> int:
        return (await log.at([commands], time))[commands]

    start, end = await at(asked.start), await at(asked.end)
    first = (await log.begins([commands]))[commands]
    if 0 < first >= start:
        raise InvalidRecord("the window begins before what is still kept of chat-commands")
    if asked.most is not None and end - start > asked.most:
        raise InvalidRecord(
            f"{end - start} commands were written in the window, at most {asked.most} are read"
        )
    return Window(await at(asked.start - MEMORY_SECONDS * SECOND), start, end)


class _Ahead:
    """Reads commands as far as events need them."""

    def __init__(self, log: LogReader, partition: TopicPartition, window: Window) -> None:
        self._batches = log.batches(partition, window.remembered, window.end)
        self._next = window.remembered
        self._end = window.end

    async def up_to(self, offset: int) -> AsyncIterator[list[Any]]:
        """Batches until the command of that offset is among them, or the window ends."""
        while self._next <= min(offset, self._end - 1):
            batch = await anext(self._batches, None)
            if batch is None:
                return
            self._next = batch[-1].offset + 1
            yield batch


async def _decided(
    log: LogReader,
    events: TopicPartition,
    window: Window,
    end: int,
    on_progress: OnProgress | None,
) -> AsyncIterator[list[Any]]:
    """Batches of events from the first one kept to five minutes after the window."""
    begins, ends = await log.begins([events]), await log.ends([events])
    done, total, told = 0, ends[events] - begins[events], -TELL_EVERY
    async for batch in log.batches(events, begins[events], ends[events]):
        yield batch
        done += len(batch)
        if on_progress is not None and done - told >= TELL_EVERY:
            told = done
            on_progress(done, total)
        last = batch[-1]
        late = last.timestamp * _MILLISECOND > end + SECONDS * SECOND
        if late and origin_of(last)[0] >= window.end:
            return


async def _run(rerun: WindowReplay, ahead: _Ahead, events: AsyncIterator[list[Any]]) -> None:
    async for batch in events:
        async for asked in ahead.up_to(origin_of(batch[-1])[0]):
            rerun.commands(asked)
        rerun.events(batch)
