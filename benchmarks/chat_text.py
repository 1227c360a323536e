"""What the text rules of chat cost: µs of CPU a message and function, one after the other.

Run: python -m benchmarks.chat_text
"""

import random
import time
from collections.abc import Callable
from typing import Annotated

import typer

from agents.chat.text import (
    GLOBAL,
    Terms,
    find_emotes,
    find_links,
    fingerprint,
    sane,
    sketch,
)

SAID = (
    "the a you this is what so good chat hello stream game play nice clip why how now they just "
    "really one more time let us go win lost again boss fight lol omg no yes please best never"
)
EMOTES = {name: name for name in ("Kappa", "LUL", "PogChamp", "KEKW", "HeyGuys")}
TAILS = ("", "", "", "", "!", "?", "...", " LUL", " KEKW KEKW", " @streamer", " <3", " 100%")
LETTERS = "abcdefghiklmnoprstuvw"


def main(
    messages: Annotated[int, typer.Option(help="Different messages.")] = 20_000,
    length: Annotated[int, typer.Option(help="Characters of a message, about.")] = 40,
    terms: Annotated[int, typer.Option(help="Blocked terms of the channel.")] = 1_000,
    repetitions: Annotated[int, typer.Option(help="Rounds; the best counts.")] = 5,
) -> None:
    """Time each function on messages that differ, in the order of the agent."""
    chosen = random.Random(1)
    texts = [_message(chosen, length) for _ in range(messages)]
    blocked = Terms.compile(_term(chosen) for _ in range(terms))
    steps: dict[str, Callable[[str], object]] = {
        "sane": sane,
        "fingerprint (and skeleton)": fingerprint,
        f"{terms} terms of the channel (and readings)": blocked.find,
        "global terms": GLOBAL.find,
        "links": find_links,
        "sketch": sketch,
        "emotes": lambda text: find_emotes(text, EMOTES),
    }
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(repetitions):
        spent = _round(texts, list(steps.values()))
        best = {name: min(best[name], each) for name, each in zip(steps, spent, strict=True)}
    for name, spent_us in best.items():
        print(f"{name:48} {spent_us:6.2f} µs")
    print(f"{'all of it':48} {sum(best.values()):6.2f} µs")


def _round(texts: list[str], steps: list[Callable[[str], object]]) -> list[float]:
    """µs a message of each step. Batches are small, so that what one step keeps the next finds."""
    spent = [0.0] * len(steps)
    for start in range(0, len(texts), 500):
        batch = texts[start : start + 500]
        for number, step in enumerate(steps):
            begun = time.process_time()
            for text in batch:
                step(text)
            spent[number] += time.process_time() - begun
    return [each / len(texts) * 1e6 for each in spent]


def _message(chosen: random.Random, length: int) -> str:
    words = SAID.split()
    text = chosen.choice(words)
    while len(text) < length - 12:
        text += " " + chosen.choice(words)
    return f"{text} {chosen.randrange(10**6)}{chosen.choice(TAILS)}"


def _term(chosen: random.Random) -> str:
    word = "".join(chosen.choices(LETTERS, k=chosen.randint(5, 9)))
    return chosen.choice((word, word, word, f"{word}*", f"*{word}*"))


if __name__ == "__main__":
    typer.run(main)
