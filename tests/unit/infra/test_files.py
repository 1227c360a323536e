"""The limit of open files is raised to what is needed, and what does not fit is known."""

import resource

import pytest

from infra.files import SPARE, room_for


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "room", "raised_to"),
    [
        (1024, 1_048_576, 20_000, 20_000, 20_000 + SPARE),
        (1024, resource.RLIM_INFINITY, 20_000, 20_000, 20_000 + SPARE),
        (1024, 4096, 20_000, 4096 - SPARE, 4096),
        (50_000, 50_000, 20_000, 20_000, None),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 20_000, 20_000, None),
        (100, 100, 20_000, 1, 100),
    ],
)
def test_room(
    monkeypatch: pytest.MonkeyPatch,
    soft: int,
    hard: int,
    connections: int,
    room: int,
    raised_to: int | None,
) -> None:
    limits: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, found: limits.append(found))
    assert room_for(connections) == room
    assert limits == ([] if raised_to is None else [(raised_to, hard)])


def test_there_is_room_for_others_besides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (5000, 5000))
    assert room_for(5000, besides=2000) == 3000 - SPARE


def test_the_limit_of_this_process_is_raised() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(400, before[0]), before[1]))
    try:
        assert room_for(500) == 500
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 500 + SPARE
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
