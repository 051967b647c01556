"""Whether a weaker or otherwise changed centering harms no language: tried on TICO-19, and once elsewhere.

    OMP_WAIT_POLICY=PASSIVE python -m studies.remedies.strengths --work DIR           TICO-19
    OMP_WAIT_POLICY=PASSIVE python -m studies.remedies.strengths --work DIR --final   XQuAD and Belebele as well

Each setting is measured alone and under a turn and feedback, with the embeddings that `studies.remedies.correction`
saves in DIR. The choice: of the settings that cost no more than half a point of Complete@10, alone and under the stack,
with either encoder, the one with the highest mean of nDCG@1 in `mono-same`. Only that one and the default are looked at
on XQuAD and Belebele. Results go to studies/results/strengths.json; `python -m studies.remedies.page` draws them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from statistics import fmean
from typing import Any

import numpy as np

import clinometer as cm
from clinometer.correction import Center
from clinometer.correction.feedback import WEIGHT
from clinometer.encoders import PrecomputedEncoder
from clinometer.mining import turned
from studies.centering import centered, corrected
from studies.command_line import parser
from studies.recipe.closed_form import change
from studies.remedies.correction import loaded
from studies.remedies.stacks import State
from studies.result_files import read_result, write_result
from studies.sources import ENCODERS, EVALUATED
from studies.vectors import unit

DEFAULT = "default: documents 1, queries 0.7"
COST = 0.5
NAMES = tuple(reversed(ENCODERS))


def with_options(state: State, **options: Any) -> Center:
    """Centering on the documents and a sample of queries."""
    return centered(state.collection, state.q, state.d, **options)


def by_language(state: State) -> Center:
    """A strength for each language: the distance of its mean from that of all, over the median distance, at most 1."""
    center = with_options(state)
    means = center.arrays["document_offsets"][: len(center.languages)]
    distances = np.linalg.norm(means - means.mean(axis=0), axis=1)
    share = dict(zip(center.languages, np.minimum(1, distances / np.median(distances)), strict=True))
    arrays = dict(center.arrays)
    for name, labels in (("document_offsets", center.languages), ("query_offsets", center.query_languages)):
        scale = np.array([*(share[label] for label in labels), 1.0])[: len(arrays[name])]
        arrays[name] = (arrays[name] * scale[:, None]).astype(arrays[name].dtype)
    return Center(center.languages, center.query_languages, arrays, center.settings)


SETTINGS: dict[str, Callable[[State], Center]] = {
    DEFAULT: with_options,
    **{
        f"documents {own:g}, queries {queries:g}": partial(with_options, strength=own, query_strength=queries)
        for own, queries in ((0.6, 0.6), (0.7, 0.7), (0.8, 0.7), (0.8, 0.8), (0.9, 0.7), (1.0, 0.8), (1.0, 0.9))
    },
    **{
        f"means moved together by {share:.0%}": partial(with_options, shrinkage=share) for share in (0.1, 0.2, 0.3, 0.5)
    },
    "strength by language": by_language,
    "no directions": partial(with_options, directions=0),
}


def unscaled(state: State, query_strength: float) -> tuple[Any, Any]:
    """Document means taken from the scores alone: lengths stay, so that an own language's order stays at 0.

    A document has one more dimension, which brings all to one length, and a query a zero there.
    """
    labels = state.collection.documents.languages, state.collection.queries.languages
    d, q = (unit(np.float64(side)) for side in (state.d, state.q))
    center = with_options(state, shrinkage=0.0, directions=0)
    places = {label: row for row, label in enumerate(center.languages)}
    d = d - center.arrays["document_offsets"][[places[label] for label in labels[0]]]
    q = q - query_strength * center.arrays["query_offsets"][[places[label] for label in labels[1]]]
    squares = np.square(d).sum(axis=1)
    last = np.sqrt(squares.max() - squares)
    return np.hstack([q, np.zeros((len(q), 1))]).astype(np.float32), np.hstack([d, last[:, None]]).astype(np.float32)


def evaluated(collection: cm.Collection, q: Any, d: Any, feedback: float | None = None) -> cm.Evaluation:
    return cm.evaluate(
        collection, PrecomputedEncoder(q, d, name="setting"), scenarios=["multi", "mono-same", "one-sided"],
        measures=["Complete@10", "nDCG@1"], resamples=0, feedback=feedback,
    )  # fmt: skip


def line_of(setting: str, state: State, base: cm.Evaluation) -> dict[str, Any]:
    """Figures of one setting alone and under a turn and feedback."""
    center = SETTINGS[setting](state)
    alone = evaluated(state.collection, *corrected(center, state.collection, state.q, state.d))
    turn = turned(center, state.d, state.collection.documents.languages)
    stack = evaluated(state.collection, *corrected(turn, state.collection, state.q, state.d), WEIGHT)
    return {"setting": setting, **figures(alone, base), "stack": stack.value("Complete@10", "multi", "macro-target")}


def figures(evaluation: cm.Evaluation, base: cm.Evaluation) -> dict[str, Any]:
    return {
        "Complete@10": evaluation.value("Complete@10", "multi", "macro-target"),
        "one-sided": evaluation.value("nDCG@1", "one-sided", "macro-target"),
        "mono-same": {label: change(evaluation, base, label) for label in evaluation.collection["languages"]},
    }


def measured(name: str, encoder: str, state: State, settings: list[str], *, tried: bool) -> list[dict[str, Any]]:
    """Lines of one collection; with `tried` also of what was tried and left."""
    base = evaluated(state.collection, state.q, state.d)
    lines = [line_of(setting, state, base) for setting in settings]
    for strength in (0.0, 0.7) if tried else ():
        after = evaluated(state.collection, *unscaled(state, strength))
        lines.append({"setting": f"scores alone, queries {strength:g}", **figures(after, base), "stack": None})
    for line in lines:
        print(encoder, name, line["setting"], round(line["Complete@10"], 1), mean_change(line), file=sys.stderr)
    return [{"encoder": encoder, "collection": name, **line} for line in lines]


def mean_change(line: Mapping[str, Any]) -> float:
    return fmean(one["change"] for one in line["mono-same"].values())


def chosen(lines: list[dict[str, Any]]) -> str:
    """The setting that the rule chooses on TICO-19."""
    table = {(line["encoder"], line["setting"]): line for line in lines if line["collection"] == "tico19"}
    encoders = {encoder for encoder, _ in table}

    def free(setting: str) -> bool:
        pairs = [(table[encoder, setting], table[encoder, DEFAULT]) for encoder in encoders]
        return all(own[key] >= first[key] - COST for own, first in pairs for key in ("Complete@10", "stack"))

    candidates = [setting for setting in SETTINGS if free(setting)]
    return max(candidates, key=lambda setting: fmean(mean_change(table[encoder, setting]) for encoder in encoders))


def main() -> None:
    command = parser(__doc__, "folder of embeddings")
    command.add_argument("--final", action="store_true", help="look at the choice on XQuAD and Belebele")
    options = command.parse_args()

    def lines_of(name: str, settings: list[str], *, tried: bool = False) -> list[dict[str, Any]]:
        return [
            line
            for encoder in NAMES
            for line in measured(
                name, encoder, State(*loaded(encoder, name, options.work), encoder, options.work), settings, tried=tried
            )
        ]

    if options.final:
        lines = [line for line in read_result("strengths") if line["collection"] == "tico19"]
        settings = list(dict.fromkeys([DEFAULT, chosen(lines)]))
        lines += [line for name in EVALUATED for line in lines_of(name, settings)]
    else:
        lines = lines_of("tico19", list(SETTINGS), tried=True)
    write_result("strengths", lines)


if __name__ == "__main__":
    main()
