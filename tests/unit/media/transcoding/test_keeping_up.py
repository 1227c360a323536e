"""When a rendition must go."""

from media.transcoding.keeping_up import LATE, PATIENCE, TOO_MUCH, KeepingUp, left_out
from tests.announced import source


def run(*waiting: float, step: float = 0.5) -> list[bool]:
    keeping = KeepingUp()
    return [keeping.too_slow(n * step, each) for n, each in enumerate(waiting)]


def test_in_time_nothing_goes() -> None:
    assert not any(run(*[LATE - 0.1] * 20))


def test_a_hiccup_is_no_reason() -> None:
    assert not any(run(0.2, 2.0, 1.0, 0.3, 2.0, 1.0, 0.3))


def test_whoever_stays_late_drops_one() -> None:
    assert run(0.2, 1.0, 1.0, 1.0, 1.0, step=1.0) == [False, False, False, False, True]


def test_catching_up_is_no_reason_however_late() -> None:
    assert not any(run(8, 7, 6, 5, 4, 3, 2, 1, 0.5, step=1.0))


def test_the_next_goes_after_as_long_again() -> None:
    found = run(*[2.0] * 10, step=PATIENCE / 3)
    assert [n for n, dropped in enumerate(found) if dropped] == [3, 6, 9]


def test_whoever_is_too_far_behind_goes_on_with_the_newest_segment() -> None:
    parts = [source(n // 20, n % 20).part for n in range(int(TOO_MUCH / 0.1) + 5)]
    assert left_out(parts[: int(TOO_MUCH / 0.1)]) == 0
    assert parts[left_out(parts)].media_sequence == parts[-1].media_sequence
    assert parts[left_out(parts)].part == 0


def test_nothing_is_left_out_before_pictures_that_need_it() -> None:
    parts = [source(n // 20, n % 20, independent=n == 0).part for n in range(100)]
    assert left_out(parts) == 0
