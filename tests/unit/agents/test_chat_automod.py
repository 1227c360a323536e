"""AutoMod's shipped model: what it holds, what it lets pass, and that it always says the same."""

# ruff: noqa: RUF001 (letters that look alike are what this is about)

from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.chat import automod
from agents.chat.automod import CATEGORIES, HELD_FROM, MODEL, AutoMod, Scores, held, score
from agents.chat.automod.features import features
from agents.chat.automod.network import Layers, Network, dump, load
from agents.chat.automod.words import plain, views, words
from infra.errors import ConfigurationError

SCORES = st.builds(Scores, *(st.integers(0, 1000) for _ in CATEGORIES))
LEVELS = st.dictionaries(st.sampled_from(CATEGORIES), st.integers(0, 4))


def of(category: str, text: str) -> int:
    return int(getattr(score([text])[0], category))


HARMFUL = [
    ("toxicity", "you are a pathetic loser and an idiot"),
    ("toxicity", "shut up you worthless piece of garbage"),
    ("identity_hate", "i hate immigrants they are all vermin"),
    ("sexual", "send me your nudes"),
    ("aggression", "i will find you and kill you and your family"),
    ("aggression", "kill yourself"),
    ("spam", "buy cheap followers and viewers at bigfollows . com"),
    ("spam", "win free skins now https://bit.ly/abcdef"),
]


@pytest.mark.parametrize(("category", "text"), HARMFUL)
def test_harm_is_held_at_the_middle_level(category: str, text: str) -> None:
    assert of(category, text) >= HELD_FROM[3]


DISGUISES = [
    ("toxicity", "y0u ar3 a path3tic l0s3r and an 1d10t"),
    ("toxicity", "you are a pathetic l o s e r and an i d i o t"),
    ("toxicity", "y o u  a r e  a n  i d i o t"),
    ("toxicity", "you are a pathetic l.o.s.e.r and an i-d-i-o-t"),
    ("toxicity", "yоu аrе а раthetic lоsеr аnd аn іdiоt"),  # Cyrillic letters
    ("toxicity", "you are a patheeeetic looooser and an idiiiiot"),
    ("toxicity", "you are a pathetic Kappa loser PogChamp and an LUL idiot"),
    ("toxicity", "𝔂𝓸𝓾 𝓪𝓻𝓮 𝓪 𝓹𝓪𝓽𝓱𝓮𝓽𝓲𝓬 𝓵𝓸𝓼𝓮𝓻 𝓪𝓷𝓭 𝓪𝓷 𝓲𝓭𝓲𝓸𝓽"),
    ("toxicity", "you are a pathetic lo\u200bser and an idi\u200dot"),
    ("toxicity", "you are a pathetic lo\u0301se\u0308r and an i\u0327diot"),
    ("aggression", "k1ll y0urs3lf"),
    ("aggression", "k i l l  y o u r s e l f"),
    ("spam", "buy ch3ap f0llow3rs and vi3wers at bigfollows . com"),
]


@pytest.mark.parametrize(("category", "text"), DISGUISES)
def test_a_disguise_does_not_help(category: str, text: str) -> None:
    assert of(category, text) >= HELD_FROM[3]


FINE = [
    "kill him",
    "kill the boss already KEKW",
    "that boss is trash",
    "shoot him in the head",
    "noob team gg",
    "sick play",
    "that was a nasty clutch PogChamp",
    "PogChamp PogChamp PogChamp PogChamp PogChamp",
    "LUL LUL LUL",
    "gg ez clap",
    "i am gay and i love this stream",
    "happy pride month everyone",
    "black friday sale on steam",
    "my muslim friend plays this too",
    "what mouse do you use?",
    "is there a link to your build?",
    "I died 20 times to this boss",
    "hello from Brazil!",
    "1v1 me in the next round",
    "LETS GOOOOOOO",
    "😂😂😂",
    "...",
    "",
]


@pytest.mark.parametrize("text", FINE)
def test_chat_of_games_passes_at_the_middle_level(text: str) -> None:
    assert held(score([text])[0], dict.fromkeys(CATEGORIES, 3)) is None


@given(SCORES, LEVELS, st.sampled_from(CATEGORIES))
def test_a_stricter_level_never_holds_less(
    scores: Scores, levels: dict[str, int], category: str
) -> None:
    stricter = levels | {category: min(4, levels.get(category, 0) + 1)}
    assert held(scores, levels) is None or held(scores, stricter) is not None


@given(SCORES, LEVELS)
def test_what_is_named_is_on_and_would_be_held_from_that_level_on(
    scores: Scores, levels: dict[str, int]
) -> None:
    found = held(scores, levels)
    if found is None:
        assert all(
            getattr(scores, category) < HELD_FROM[level] for category, level in levels.items()
        )
        return
    category, level = found
    assert 1 <= level <= levels[category]
    assert held(scores, {category: level}) == found
    assert held(scores, {category: level - 1}) is None


def test_nothing_is_held_where_all_is_off() -> None:
    worst = Scores(1000, 1000, 1000, 1000, 1000)
    assert held(worst, {}) is None
    assert held(worst, dict.fromkeys(CATEGORIES, 0)) is None


def test_the_judge_says_what_the_functions_say() -> None:
    judge = AutoMod()
    levels = dict.fromkeys(CATEGORIES, 3)
    assert judge.version == MODEL
    for _, text in HARMFUL:
        assert judge.held(text, levels) == held(score([text])[0], levels)


def test_scores_are_the_same_on_every_machine() -> None:
    texts = [text for _, text in HARMFUL + DISGUISES] + FINE
    said = repr([score([text])[0] for text in texts]).encode()
    assert score(texts) == [score([text])[0] for text in texts]
    assert sha256(said).hexdigest()[:16] == SCORES_OF_MODEL


SCORES_OF_MODEL = "0dc7ee4b5ee13ee2"
"""Changes with the model, and with nothing else."""


@given(st.text(max_size=300))
def test_any_text_has_scores(text: str) -> None:
    scores = score([text])[0]
    assert all(0 <= getattr(scores, category) <= 1000 for category in CATEGORIES)


@given(st.text(st.sampled_from("ab1!. *'@е😂") | st.characters(), max_size=60))
def test_the_remembered_words_sum_to_the_features_of_the_text(text: str) -> None:
    """The fast way through the words counts what training counts."""
    counted: dict[str, int] = dict.fromkeys(features(text), 1 << 64)
    network = Network(Layers([0], [1], [[0]], [0], []), counted)
    assert network._sum(text) == len(features(text)) << 64


def test_words_lose_their_disguise() -> None:
    assert words("L i K e  t h i s") == ["like", "this"]
    assert words("n.o.o.b https://www.example.com/a?b=c") == ["noob", "example_com", "=link"]
    assert words("hey @somebody") == ["hey", "=mention"]
    assert words("3 2 1 go") == ["3", "2", "1", "go"]
    assert words("PogChamp nice!") == ["~pog", "~champ", "nice!"]
    assert views("l0s3r") == ("loser", "~l0s3r")
    assert views("looooser") == ("loser", "looser")
    assert views("nice!") == ("nice",)
    assert plain("Ünïcödé ｗｉｄｅ сору\u200b") == "unicode wide copy"


def test_a_long_text_is_cut() -> None:
    assert score(["word " * 200 + "idiot"]) == score(["word " * 200])


def small() -> bytes:
    layers = Layers([0], [1 << 20], [[0]], [0], [0, 1 << 40])
    return dump(layers, ["<bad>", "<good>"], [bytes([255, 1]), bytes([128, 128])])


def test_a_model_is_read_from_the_file_its_name_says(tmp_path: Path) -> None:
    content = small()
    version = f"small-{sha256(content).hexdigest()[:8]}"
    (tmp_path / f"{version}.model").write_bytes(content)
    network = load(tmp_path, version)
    assert network.score("bad") == [2]
    assert network.score("good") == [0]
    assert network.score("") == [1]


def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path) -> None:
    content = small()
    version = f"small-{sha256(content).hexdigest()[:8]}"
    (tmp_path / f"{version}.model").write_bytes(content[:-1] + b"!")
    with pytest.raises(ConfigurationError, match="not the one that its name says"):
        load(tmp_path, version)
    other = f"small-{sha256(b'something else').hexdigest()[:8]}"
    (tmp_path / f"{other}.model").write_bytes(b"something else")
    with pytest.raises(ConfigurationError, match="no AutoMod model"):
        load(tmp_path, other)


def test_the_shipped_model_is_small() -> None:
    file = Path(automod.__file__).parent / f"{MODEL}.model"
    assert file.stat().st_size < 4_000_000
