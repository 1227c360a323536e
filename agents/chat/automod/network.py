"""The model: integer weights of features, one hidden layer, a score for each category."""

import json
import math
import struct
import zlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from operator import mul
from pathlib import Path
from typing import Final

from agents.chat.automod.features import neighbours, parts
from agents.chat.automod.words import WHOLE, views, words
from infra.errors import ConfigurationError

MAGIC: Final = b"AUTOMOD1"
DIGEST_LENGTH: Final = 8
LANE: Final = 4
"""Bytes that one weight has in a packed sum."""
WEIGHT_OF_ZERO: Final = 128
ROOT_BITS: Final = 16
_REMEMBERED_WORDS: Final = 50_000
_HEADER: Final = struct.Struct("<8sI")


@dataclass(frozen=True, slots=True)
class Layers:
    """The part of a model that is the same for all messages; all numbers are integers.

    `hidden_bias` has one number a hidden unit; `direct`, `bias` one a category; `output` one a
    category and hidden unit; `cuts` are the sums at which a score of 1, 2, … 1000 begins.
    """

    hidden_bias: Sequence[int]
    direct: Sequence[int]
    output: Sequence[Sequence[int]]
    bias: Sequence[int]
    cuts: Sequence[int]


class Network:
    """Scores messages. Weights are bytes, sums are whole numbers: the same on every machine.

    The weights of one feature are packed into one integer with a lane of 32 bits for each
    (all categories, all hidden units, and a count of 1), so that adding two integers adds all.
    """

    def __init__(self, layers: Layers, packed: Mapping[str, int]) -> None:
        self._layers = layers
        self._packed = packed
        self._lanes = len(layers.direct) + len(layers.hidden_bias) + 1
        self._unpack = struct.Struct(f"<{self._lanes}I").unpack
        self._words: dict[str, tuple[str, int]] = {}

    def score(self, text: str) -> list[int]:
        """A score from 0 to 1000 for each category."""
        lanes = self._unpack(self._sum(text).to_bytes(LANE * self._lanes, "little"))
        count = lanes[-1]
        zero = WEIGHT_OF_ZERO * count
        root = math.isqrt((1 << 2 * ROOT_BITS) // count) if count else 0
        layers = self._layers
        categories = len(layers.direct)
        hidden = [
            max(0, (lane - zero) * root + bias)
            for lane, bias in zip(lanes[categories:-1], layers.hidden_bias, strict=True)
        ]
        return [
            bisect_right(
                layers.cuts,
                layers.direct[category] * (lanes[category] - zero) * root
                + sum(map(mul, layers.output[category], hidden))
                + layers.bias[category],
            )
            for category in range(categories)
        ]

    def _sum(self, text: str) -> int:
        known, weight_of, total = self._words, self._packed.get, 0
        second_before = before = ""
        for token in words(text):
            word, weight = known.get(token) or self._remember(token)
            total += weight
            for feature in neighbours(second_before, before, word):
                total += weight_of(feature, 0)
            second_before, before = before, word
        return total

    def _remember(self, token: str) -> tuple[str, int]:
        """Chat says the same words again and again: their sums are kept."""
        if len(self._words) >= _REMEMBERED_WORDS:
            self._words.clear()
        readings = views(token)
        weight = sum(self._packed.get(part, 0) for part in parts(readings))
        self._words[token] = known = (readings[0].lstrip(WHOLE), weight)
        return known


def load(folder: Path, version: str) -> Network:
    """Reads the model `version` (a name that ends in its file's digest) from its file.

    Raises ConfigurationError if the file is another than the name says.
    """
    content = (folder / f"{version}.model").read_bytes()
    if sha256(content).hexdigest()[:DIGEST_LENGTH] != version.rpartition("-")[2]:
        raise ConfigurationError(f"the file {version}.model is not the one that its name says")
    magic, length = _HEADER.unpack_from(content)
    if magic != MAGIC:
        raise ConfigurationError(f"{version}.model is no AutoMod model")
    start = _HEADER.size
    layers = Layers(**json.loads(content[start : start + length]))
    return Network(layers, _unpacked(zlib.decompress(content[start + length :]), layers))


def dump(layers: Layers, features: Sequence[str], weights: Sequence[bytes]) -> bytes:
    """The file of a model. `weights` holds, for each lane but the count, a byte a feature."""
    header = json.dumps(
        {name: getattr(layers, name) for name in Layers.__slots__}, separators=(",", ":")
    ).encode()
    body = "\n".join(features).encode() + b"\0" + b"".join(weights)
    return _HEADER.pack(MAGIC, len(header)) + header + zlib.compress(body, 9)


def _unpacked(body: bytes, layers: Layers) -> dict[str, int]:
    names, _, weights = body.partition(b"\0")
    features = names.decode().split("\n")
    lanes = len(layers.direct) + len(layers.hidden_bias)
    width = LANE * (lanes + 1)
    table = bytearray(width * len(features))
    for lane in range(lanes):
        table[LANE * lane :: width] = weights[lane * len(features) : (lane + 1) * len(features)]
    table[LANE * lanes :: width] = b"\1" * len(features)
    return {
        feature: int.from_bytes(table[place * width : (place + 1) * width], "little")
        for place, feature in enumerate(features)
    }
