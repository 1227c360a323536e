"""Fits the weights: logistic losses of all categories at once, labels that are unknown left out."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from agents.chat.automod.features import features
from agents.chat.automod.network import ROOT_BITS, WEIGHT_OF_ZERO, Layers

Floats = npt.NDArray[np.float32]

HIDDEN: Final = 12
VOCABULARY: Final = 90_000
SEEN_IN: Final = 4
_BATCH: Final = 512
_SCALE_BITS: Final = 20
_STEPS: Final = 1000


@dataclass(frozen=True, slots=True)
class Weights:
    """`table`: a row a feature, columns for the categories, then for the hidden units."""

    table: Floats
    hidden_bias: Floats
    output: Floats
    bias: Floats


def vocabulary(documents: Sequence[list[str]], labels: npt.NDArray[np.int8]) -> list[str]:
    """The features that tell most about any category, in a fixed order."""
    seen = Counter(feature for document in documents for feature in set(document))
    often = [feature for feature, count in seen.items() if count >= SEEN_IN]
    matrix = _counts(documents, {feature: place for place, feature in enumerate(often)})
    matrix.data[:] = 1
    best = np.zeros(len(often))
    for category in range(labels.shape[1]):
        known = labels[:, category] >= 0
        part, truth = matrix[known], labels[known, category]
        share = truth.mean()
        total = np.asarray(part.sum(axis=0)).ravel()
        positive = part.T @ truth.astype(np.float32)
        spread = np.sqrt(total * share * (1 - share) + 1.0)
        best = np.maximum(best, np.abs(positive - total * share) / spread)
    order = sorted(
        range(len(often)), key=lambda place: (-round(float(best[place]), 4), often[place])
    )
    return sorted(often[place] for place in order[:VOCABULARY])


def matrix_of(documents: Sequence[list[str]], names: Sequence[str]) -> sparse.csr_matrix:
    """A row a document, each feature divided by the root of how many the document has."""
    matrix = _counts(documents, {feature: place for place, feature in enumerate(names)})
    sizes = np.asarray(matrix.sum(axis=1)).ravel()
    scale = 1 / np.sqrt(np.maximum(sizes, 1))
    return sparse.diags(scale.astype(np.float32)) @ matrix


def fit(
    rows: sparse.csr_matrix, labels: npt.NDArray[np.int8], importance: Floats, *,
    epochs: int, rate: float, decay: float, seed: int = 1,
) -> Weights:  # fmt: skip
    """Adam over batches, in an order that the seed gives."""
    chance = np.random.default_rng(seed)
    categories, names = labels.shape[1], rows.shape[1]
    parameters = [
        np.concatenate(
            [np.zeros((names, categories)), chance.normal(0, 0.3, (names, HIDDEN))], axis=1
        ).astype(np.float32),
        np.zeros(HIDDEN, np.float32),
        chance.normal(0, 0.3, (categories, HIDDEN)).astype(np.float32),
        np.zeros(categories, np.float32),
    ]
    first = [np.zeros_like(parameter) for parameter in parameters]
    second = [np.zeros_like(parameter) for parameter in parameters]
    steps = epochs * math.ceil(rows.shape[0] / _BATCH)
    step = 0
    for _ in range(epochs):
        order = chance.permutation(rows.shape[0])
        for start in range(0, len(order), _BATCH):
            step += 1
            chosen = order[start : start + _BATCH]
            slopes = _slopes(parameters, rows[chosen], labels[chosen], importance[chosen], chance)
            speed = rate * (1 - 0.95 * step / steps) * math.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            for place, slope in enumerate(slopes):
                first[place] += 0.1 * (slope - first[place])
                second[place] += 0.001 * (slope * slope - second[place])
                parameters[place] -= speed * first[place] / (np.sqrt(second[place]) + 1e-8)
            parameters[0] *= 1 - decay * speed
    return Weights(*parameters)


def together(parts: Sequence[Weights]) -> Weights:
    """One network that says the mean of several."""
    categories = len(parts[0].bias)
    direct = np.mean([part.table[:, :categories] for part in parts], axis=0)
    return Weights(
        table=np.concatenate([direct, *(part.table[:, categories:] for part in parts)], axis=1),
        hidden_bias=np.concatenate([part.hidden_bias for part in parts]),
        output=np.concatenate([part.output for part in parts], axis=1) / len(parts),
        bias=np.mean([part.bias for part in parts], axis=0),
    )


def sums(weights: Weights, rows: sparse.csr_matrix) -> Floats:
    """The sum of each category (what a score is made of) for each row."""
    categories = len(weights.bias)
    layer = rows @ weights.table
    hidden = np.maximum(layer[:, categories:] + weights.hidden_bias, 0)
    return np.asarray(layer[:, :categories] + hidden @ weights.output.T + weights.bias)


def whole_numbers(
    weights: Weights, stretch: Sequence[float], shift: Sequence[float]
) -> tuple[Layers, list[bytes]]:
    """The weights in bytes and whole numbers; a sum becomes `stretch` times it plus `shift`."""
    limit = np.maximum(np.quantile(np.abs(weights.table), 0.9995, axis=0), 1e-6)
    unit = limit / 127
    table = np.clip(np.rint(weights.table / unit), -127, 127).astype(np.int16) + WEIGHT_OF_ZERO
    categories, large = len(weights.bias), 1 << _SCALE_BITS
    layers = Layers(
        hidden_bias=[round(float(b / u) * (1 << ROOT_BITS))
                     for b, u in zip(weights.hidden_bias, unit[categories:], strict=True)],
        direct=[round(float(unit[c]) * stretch[c] * large) for c in range(categories)],
        output=[[round(float(o * u) * stretch[c] * large)
                 for o, u in zip(weights.output[c], unit[categories:], strict=True)]
                for c in range(categories)],
        bias=[round((float(weights.bias[c]) * stretch[c] + shift[c]) * large * (1 << ROOT_BITS))
              for c in range(categories)],
        cuts=[round(math.log((step - 0.5) / (_STEPS - step + 0.5)) * large * (1 << ROOT_BITS))
              for step in range(1, _STEPS + 1)],
    )  # fmt: skip
    return layers, [table[:, lane].astype(np.uint8).tobytes() for lane in range(table.shape[1])]


def documents_of(texts: Sequence[str]) -> list[list[str]]:
    """The features of each text."""
    return [features(text) for text in texts]


def _counts(documents: Sequence[list[str]], place_of: dict[str, int]) -> sparse.csr_matrix:
    ends, columns = [0], []
    for document in documents:
        columns.extend(
            place for feature in document if (place := place_of.get(feature)) is not None
        )
        ends.append(len(columns))
    values = np.ones(len(columns), np.float32)
    shape = (len(documents), len(place_of))
    matrix = sparse.csr_matrix(
        (values, np.asarray(columns, np.int32), np.asarray(ends)), shape=shape
    )
    matrix.sum_duplicates()
    return matrix


def _slopes(
    parameters: list[Floats], rows: sparse.csr_matrix, labels: npt.NDArray[np.int8],
    importance: Floats, chance: np.random.Generator,
) -> list[Floats]:  # fmt: skip
    table, hidden_bias, output, bias = parameters
    categories = len(bias)
    rows = rows.copy()
    rows.data *= (
        chance.random(len(rows.data), dtype=np.float32) < 0.85
    )  # features at random left out
    layer = rows @ table
    hidden = np.maximum(layer[:, categories:] + hidden_bias, 0)
    total = layer[:, :categories] + hidden @ output.T + bias
    error = 1 / (1 + np.exp(-np.clip(total, -30, 30))) - labels
    error *= (labels >= 0) * importance / len(labels)
    error = error.astype(np.float32)
    back = (error @ output) * (hidden > 0)
    return [
        rows.T @ np.concatenate([error, back], axis=1),
        back.sum(axis=0),
        error.T @ hidden,
        error.sum(axis=0),
    ]
