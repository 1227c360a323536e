"""Given these events, this command yields those events: the rules of streams."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.broadcast.model import (
    MARKERS,
    Command,
    Event,
    Rules,
    Stream,
    decide,
    evolve,
    heard,
)
from schemas.records.broadcast import (
    CloseSession,
    CreateMarker,
    MarkerCreated,
    MarkerRefused,
    OpenSession,
    SessionRefused,
    StreamEnded,
    StreamInterrupted,
    StreamResumed,
    StreamStarted,
    TouchSession,
)
from schemas.records.clock import Tick

SECOND = 1_000_000
RULES = Rules(grace=60 * SECOND, silence=10 * SECOND)


def open_(session: str) -> OpenSession:
    return OpenSession(channel_id="c", session_id=session)


def touch(session: str, size: int) -> TouchSession:
    return TouchSession(channel_id="c", session_id=session, received_bytes=size)


def close(session: str, reason: str = "publisher_left") -> CloseSession:
    return CloseSession(channel_id="c", session_id=session, reason=reason)


def mark(marker: str = "m", description: str = "") -> CreateMarker:
    return CreateMarker(channel_id="c", marker_id=marker, user_id="u", description=description)


def run(*steps: tuple[int, Command], rules: Rules = RULES) -> tuple[Stream | None, list[Event]]:
    """The state after commands at seconds, and the events of the last one."""
    stream: Stream | None = None
    events: list[Event] = []
    for second, command in steps:
        now = second * SECOND
        events = decide(stream, command, now=now, rules=rules)
        for event in events:
            stream = evolve(stream, event)
        stream = heard(stream, command, now=now)
    return stream, events


def test_a_first_session_starts_a_stream_that_bears_its_id():
    stream, events = run((100, open_("a")))
    assert events == [
        StreamStarted(channel_id="c", stream_id="a", session_id="a", started_at=100 * SECOND)
    ]
    assert stream is not None
    assert stream.live


def test_a_second_publisher_on_a_live_channel_is_refused_and_changes_nothing():
    before, _ = run((100, open_("a")), (101, touch("a", 10)))
    after, events = run((100, open_("a")), (101, touch("a", 10)), (102, open_("b")))
    assert [type(event) for event in events] == [SessionRefused]
    assert events[0].reason == "already-live"
    assert after == before


def test_a_publisher_that_leaves_may_return_until_the_grace_period_is_over():
    _, events = run((100, open_("a")), (110, close("a")))
    assert events == [
        StreamInterrupted(
            channel_id="c",
            stream_id="a",
            session_id="a",
            reason="publisher_left",
            resume_until=170 * SECOND,
        )
    ]


def test_a_return_within_grace_continues_the_same_stream():
    stream, events = run((100, open_("a")), (110, close("a")), (169, open_("b")))
    assert [type(event) for event in events] == [StreamResumed]
    assert events[0].stream_id == "a"
    assert events[0].session_id == "b"
    assert stream is not None
    assert stream.live
    assert stream.interruptions == 1


def test_a_tick_after_grace_ends_the_stream():
    stream, events = run((100, open_("a")), (110, close("a", "connection_lost")), (170, Tick()))
    assert events == [
        StreamEnded(
            channel_id="c",
            stream_id="a",
            reason="connection_lost",
            started_at=100 * SECOND,
            interruptions=1,
        )
    ]
    assert stream is None


def test_a_tick_within_grace_says_nothing():
    assert run((100, open_("a")), (110, close("a")), (169, Tick()))[1] == []


def test_a_return_after_grace_ends_the_old_stream_even_if_no_tick_came():
    _, events = run((100, open_("a")), (110, close("a")), (171, open_("b")))
    assert [type(event) for event in events] == [StreamEnded, StreamStarted]
    assert events[1].stream_id == "b"


def test_a_silent_session_is_interrupted_by_a_tick():
    _, events = run((100, open_("a")), (101, touch("a", 10)), (105, touch("a", 10)), (112, Tick()))
    assert [type(event) for event in events] == [StreamInterrupted]
    assert events[0].reason == "silence"


def test_a_session_that_keeps_sending_is_not_interrupted():
    assert run((100, open_("a")), (108, touch("a", 10)), (117, Tick()))[1] == []


def test_a_silent_session_gives_way_to_a_new_publisher():
    _, events = run((100, open_("a")), (120, open_("b")))
    assert [type(event) for event in events] == [StreamInterrupted, StreamResumed]


def test_a_session_given_up_for_silence_goes_on_when_it_sends_again():
    stream, events = run(
        (100, open_("a")), (101, touch("a", 10)), (112, Tick()), (113, touch("a", 20))
    )
    assert [type(event) for event in events] == [StreamResumed]
    assert stream is not None
    assert stream.session_id == "a"


def test_what_an_old_session_says_does_not_concern_the_new_one():
    steps = (100, open_("a")), (110, close("a")), (120, open_("b"))
    after, events = run(*steps, (121, close("a")))
    assert events == []
    assert after == run(*steps)[0]


def test_a_platform_that_ends_a_session_ends_the_stream():
    _, events = run((100, open_("a")), (110, close("a", "ended_by_platform")))
    assert [type(event) for event in events] == [StreamEnded]


def test_without_grace_a_stream_ends_with_its_session():
    _, events = run((100, open_("a")), (110, close("a")), rules=Rules(grace=0))
    assert [type(event) for event in events] == [StreamEnded]


def test_a_marker_says_where_in_the_stream_it_is():
    stream, events = run((100, open_("a")), (352, mark("m", "x" * 140)))
    assert events == [
        MarkerCreated(
            channel_id="c",
            stream_id="a",
            marker_id="m",
            user_id="u",
            created_at=352 * SECOND,
            position_seconds=252,
            description="x" * 140,
        )
    ]
    assert stream is not None
    assert stream.markers == 1


def test_a_marker_in_a_later_session_counts_from_the_start_of_the_stream():
    _, events = run((100, open_("a")), (110, close("a")), (120, open_("b")), (125, mark()))
    assert (events[0].stream_id, events[0].position_seconds) == ("a", 25)


@pytest.mark.parametrize(
    ("steps", "command", "reason"),
    [
        ([], mark(), "not-live"),
        ([(100, open_("a")), (110, close("a"))], mark(), "not-live"),
        ([(100, open_("a"))], mark("m", "x" * 141), "description-too-long"),
        ([(100, open_("a"))], mark("no id"), "invalid-id"),
        (
            [(100, open_("a")), *((100, mark(str(n))) for n in range(MARKERS))],
            mark(),
            "too-many-markers",
        ),
    ],
)
def test_a_marker_that_breaks_a_rule_is_refused_and_changes_nothing(steps, command, reason):
    before, _ = run(*steps)
    after, events = run(*steps, (115, command))
    assert [type(event) for event in events] == [MarkerRefused]
    assert events[0].reason == reason
    assert after == before


sessions = st.sampled_from(["a", "b", "c"])
commands = st.one_of(
    st.builds(open_, sessions),
    st.builds(touch, sessions, st.integers(0, 100)),
    st.builds(close, sessions),
    st.builds(mark, sessions),
    st.just(Tick()),
)


@given(st.lists(st.tuples(st.integers(0, 40), commands), max_size=60))
def test_streams_begin_once_and_end_once(steps: list[tuple[int, Command]]):
    """Whatever publishers do: one stream at a time, opened before it ends, never opened twice."""
    now, stream, on_air, ended = 0, None, None, set()
    for wait, command in steps:
        now += wait * SECOND
        for event in decide(stream, command, now=now, rules=RULES):
            stream = evolve(stream, event)
            match event:
                case StreamStarted():
                    assert on_air is None
                    on_air = event.stream_id
                case StreamInterrupted() | StreamResumed():
                    assert event.stream_id == on_air
                case StreamEnded():
                    assert event.stream_id == on_air
                    ended.add(on_air)
                    on_air = None
        stream = heard(stream, command, now=now)
        assert (stream.stream_id if stream else None) == on_air


@given(st.lists(st.tuples(st.integers(0, 40), commands), max_size=60))
def test_every_stream_ends_when_nobody_comes_back(steps: list[tuple[int, Command]]):
    moments, now = [], 0
    for wait, command in steps:
        now += wait
        moments.append((now, command))
    stream, _ = run(*moments, (now + 11, Tick()), (now + 72, Tick()))
    assert stream is None
