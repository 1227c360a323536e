"""Where publishers are sent: near, not full, and only where somebody answers."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from api.ingests import BANDS, FRESH, FULL, Load, LoadRow, Place, Seeker, loads, ranked
from infra.settings import GatewaySettings, IngestPlace


def place(name: str, latitude: float, longitude: float, region: str, country: str) -> Place:
    return Place(
        id=name,
        name=name,
        rtmp_url=f"rtmp://{name}.test/live",
        region=region,
        country=country,
        latitude=latitude,
        longitude=longitude,
    )


FRANKFURT = place("frankfurt", 50.11, 8.68, region="eu", country="DE")
PARIS = place("paris", 48.86, 2.35, region="eu", country="FR")
VIRGINIA = place("virginia", 38.95, -77.45, region="us", country="US")
TOKYO = place("tokyo", 35.68, 139.69, region="asia", country="JP")
NOWHERE = Place(id="nowhere", name="?", rtmp_url="rtmp://n.test/live")
ALL = [TOKYO, VIRGINIA, NOWHERE, PARIS, FRANKFURT]
IDLE = {each.id: Load(0, 100) for each in ALL}
BERLIN = Seeker(52.52, 13.40)


def order(seeker: Seeker, **load: Load | None) -> list[str]:
    known = {name: found for name, found in {**IDLE, **load}.items() if found is not None}
    return [each.place.id for each in ranked(ALL, known, seeker)]


def test_the_nearest_comes_first_and_what_lies_nowhere_last() -> None:
    assert order(BERLIN) == ["frankfurt", "paris", "virginia", "tokyo", "nowhere"]
    assert order(Seeker(37.77, -122.42))[0] == "virginia"


def test_distances_are_those_of_a_globe() -> None:
    found = {each.place.id: each.distance for each in ranked(ALL, IDLE, BERLIN)}
    assert found["frankfurt"] == pytest.approx(424, abs=3)
    assert found["tokyo"] == pytest.approx(8920, abs=20)
    assert found["nowhere"] is None
    assert ranked([TOKYO], IDLE, Seeker(35.68, 139.69 - 360))[0].distance == pytest.approx(0, abs=1)


def test_of_those_that_are_equally_near_the_emptier_one_comes_first() -> None:
    cologne = Seeker(50.94, 6.96)  # some 150 km from Frankfurt, 400 from Paris
    lyon = Seeker(45.76, 4.84)  # both within 300 to 800 km
    assert order(cologne, frankfurt=Load(80, 100))[0] == "frankfurt"
    assert order(lyon, frankfurt=Load(50, 100), paris=Load(20, 100))[:2] == ["paris", "frankfurt"]
    assert order(lyon, frankfurt=Load(20, 100), paris=Load(50, 100))[:2] == ["frankfurt", "paris"]


def test_what_is_full_comes_after_all_that_is_not_and_what_is_away_after_that() -> None:
    found = order(BERLIN, frankfurt=Load(90, 100), paris=None)
    assert found == ["virginia", "tokyo", "nowhere", "frankfurt", "paris"]
    assert order(BERLIN, frankfurt=Load(89, 100))[0] == "frankfurt"


def test_a_region_or_a_country_is_where_its_places_are() -> None:
    assert order(Seeker(region="US"))[0] == "virginia"
    assert set(order(Seeker(region="eu"))[:2]) == {"frankfurt", "paris"}
    assert order(Seeker(country="fr"))[:2] == ["paris", "frankfurt"]
    assert order(Seeker(country="JP"))[0] == "tokyo"


def test_of_somebody_anywhere_the_load_decides_then_the_order_given() -> None:
    for seeker in (Seeker(), Seeker(country="ZZ"), Seeker(region="mars")):
        assert order(seeker) == [each.id for each in ALL]
        assert order(seeker, virginia=Load(1, 100), tokyo=Load(2, 100))[-2:] == [
            "virginia",
            "tokyo",
        ]


def test_coordinates_say_more_than_a_region() -> None:
    assert order(BERLIN._replace(region="us", country="US"))[0] == "frankfurt"


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 100)), min_size=5, max_size=5),
    st.sets(st.sampled_from([each.id for each in ALL])),
    st.floats(-90, 90),
    st.floats(-180, 180),
)
def test_every_place_is_there_once_and_in_order(
    load: list[tuple[int, int]], away: set[str], latitude: float, longitude: float
) -> None:
    known = {p.id: Load(*of) for p, of in zip(ALL, load, strict=True) if p.id not in away}
    found = ranked(ALL, known, Seeker(latitude, longitude))
    assert sorted(each.place.id for each in found) == sorted(each.id for each in ALL)
    ranks = [2 if not each.available else int(each.full) for each in found]
    assert ranks == sorted(ranks)
    for one, other in pairwise(found):
        if ranks[found.index(one)] == ranks[found.index(other)] and one.distance and other.distance:
            passed = [bound for bound in BANDS if other.distance < bound <= one.distance]
            assert not passed


def test_a_place_has_the_load_of_its_ingests_that_speak() -> None:
    now = 100_000_000
    rows = [
        LoadRow("a", 10, 100, now),
        LoadRow("a", 80, 100, now - FRESH),
        LoadRow("a", 1000, 1000, now - FRESH - 1),
        LoadRow("b", 1, 1, now - FRESH - 1),
    ]
    assert loads(rows, now) == {"a": Load(90, 200)}
    assert Load(0, 0).share == 1.0 >= FULL


@pytest.mark.parametrize(
    "wrong",
    [
        {"rtmp_url": "http://x/live"},
        {"rtmp_url": "rtmp://x/live/"},
        {"rtmp_url": "rtmp://x/{stream_key}"},
        {"latitude": 1.0},
        {"latitude": 91.0, "longitude": 0.0},
        {"country": "Germany"},
        {"unheard": "of"},
    ],
    ids=str,
)
def test_a_place_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    good = {"id": "a", "name": "A", "rtmp_url": "rtmp://x/live"}
    assert GatewaySettings(ingests=[IngestPlace.model_validate(good)]).ingests[0].id == "a"
    with pytest.raises(ValidationError):
        IngestPlace.model_validate({**good, **wrong})


def test_places_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    text = '[{"id": "a", "name": "A", "rtmp_url": "rtmp://x/live", "country": "DE"}]'
    monkeypatch.setenv("MILLRACE_GATEWAY_INGESTS", text)
    assert GatewaySettings().ingests[0].country == "DE"
    monkeypatch.setenv("MILLRACE_GATEWAY_INGESTS", f"[{text[1:-1]},{text[1:-1]}]")
    with pytest.raises(ValidationError, match="same id"):
        GatewaySettings()
