"""Where a worker begins, given what was announced."""

from media.transcoding.recent import SEGMENTS, SILENT, Recent
from tests.announced import STREAM, finished, source


def after(*segments: int) -> Recent:
    recent = Recent()
    for number in segments:
        recent.part(source(number, 0))
        recent.part(source(number, 1))
    return recent


def begins(recent: Recent, *renditions: str, since: int | None = None) -> list[tuple[int, int]]:
    begin = recent.open_segment(STREAM) if since is None else since
    found = recent.begin(STREAM, renditions, begin)
    return [(each.part.media_sequence, each.part.part) for each in found]


def test_a_new_rendition_begins_with_the_open_segment() -> None:
    assert begins(after(5, 6, 7), "480p30") == [(7, 0), (7, 1)]


def test_what_came_since_is_made_too() -> None:
    assert begins(after(5, 6, 7), "480p30", since=6)[0] == (6, 0)
    assert begins(after(5, 6, 7), "480p30", since=0)[0] == (5, 0)
    assert Recent().open_segment(STREAM) == 0


def test_a_rendition_goes_on_after_its_last_finished_segment() -> None:
    recent = after(5, 6, 7)
    recent.segment(finished("480p30", 5))
    assert begins(recent, "480p30") == [(6, 0), (6, 1), (7, 0), (7, 1)]


def test_the_one_that_is_furthest_behind_says_where_and_new_ones_do_not() -> None:
    recent = after(5, 6, 7)
    recent.segment(finished("480p30", 6))
    recent.segment(finished("160p30", 5))
    assert begins(recent, "480p30", "160p30", "720p30")[0] == (6, 0)


def test_what_is_finished_is_not_made_again() -> None:
    recent = after(5, 6)
    recent.segment(finished("480p30", 6))
    assert begins(recent, "480p30") == []


def test_what_is_not_remembered_any_more_is_left_out() -> None:
    recent = after(*range(20))
    recent.segment(finished("480p30", 3))
    assert begins(recent, "480p30") == [(19, 0), (19, 1)]


def test_only_so_many_segments_are_remembered() -> None:
    recent = after(*range(20))
    recent.segment(finished("480p30", 19 - SEGMENTS))
    assert begins(recent, "480p30")[0] == (20 - SEGMENTS, 0)


def test_a_segment_without_a_key_frame_is_begun_where_the_pictures_can_be_decoded() -> None:
    recent = after(5)
    recent.part(source(6, 0, independent=False))
    assert begins(recent, "480p30")[0] == (5, 0)


def test_a_segment_whose_beginning_was_missed_is_no_place_to_begin() -> None:
    recent = Recent()
    recent.part(source(6, 1))
    assert begins(recent, "480p30") == []
    recent.part(source(7, 0))
    assert begins(recent, "480p30") == [(7, 0)]


def test_repeats_and_older_segments_change_nothing() -> None:
    recent = after(5, 6)
    recent.part(source(4, 0))
    assert begins(recent, "480p30") == [(6, 0), (6, 1)]


def test_the_sound_before_a_segment_is_at_hand() -> None:
    found = after(5, 6, 7).lead_in(STREAM, 7)
    assert [(each.part.media_sequence, each.part.part) for each in found] == [
        (5, 1),
        (6, 0),
        (6, 1),
    ]
    assert after(5).lead_in(STREAM, 5) == []


def test_the_parts_of_a_segment_are_at_hand() -> None:
    assert [each.part.part for each in after(5, 6).fed(STREAM, 5)] == [0, 1]
    assert after(5).fed("another", 5) == []


def test_a_silent_stream_is_forgotten() -> None:
    recent = after(5)
    recent.forget(10_000_000 + int(SILENT * 1e6))
    assert len(recent) == 1
    recent.forget(10_000_001 + int(SILENT * 1e6))
    assert len(recent) == 0
