"""The adapter in closed form next to centering: on TICO-19, and once at the end on XQuAD and Belebele.

    python -m studies.recipe.closed_form --work DIR            TICO-19, on which ridge and strength were chosen
    python -m studies.recipe.closed_form --work DIR --final    XQuAD and Belebele as well
    python -m studies.recipe.closed_form                       draws the table of docs/recipe.md

The adapter is fitted on texts of `train` in the twelve languages of XQuAD, at most 240 items of each, without those
whose licence asks for the same licence (gnome-user-docs), so that `release/` may have it. DIR is that of
`studies.remedies.correction`: what it has embedded is not embedded again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

import clinometer as cm
from clinometer.adapters import Adapter, centering_adapter
from clinometer.correction import Center
from clinometer.correction.feedback import WEIGHT
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import UsageError
from clinometer.mining import turned
from studies.centering import centered, corrected
from studies.command_line import parser
from studies.pages import minus, put, table, worst_change
from studies.remedies.correction import embedded, loaded, trained_adapter
from studies.remedies.correction_cases import train_texts
from studies.result_files import read_result, write_result
from studies.sources import DOCS, EVALUATED

NAMES = ("multilingual-e5-small", "offline")
SAME_LICENCE = "gnome/"
TOLERANCE = 0.005
HEADS = (
    "collection", "remedy", "Complete@10", "en", "nDCG@1", "mono-same", "worst", "lower by 0.5", "lower by 1 SE",
)  # fmt: skip

RIDGES = (0.01, 0.3, 1.0)


class Remedied(NamedTuple):
    """Queries and documents after a remedy, and the weight of feedback if there is any."""

    q: Any
    d: Any
    feedback: float | None = None


def fitting_texts(encoder: str, work: Path, without: Sequence[str] = ()) -> tuple[Any, list[str], Any, list[str]]:
    """Embeddings and languages of the documents and queries that adapter and centering are fitted on."""
    parts: list[Any] = []
    queries, documents = train_texts()
    for side, texts in (("documents", documents), ("queries", queries)):
        each = enumerate(zip(texts.ids, texts.languages, strict=True))
        rows = [row for row, (text_id, label) in each if SAME_LICENCE not in text_id and label not in without]
        vectors = embedded(encoder, work, side, texts)
        parts += [vectors[rows], [texts.languages[row] for row in rows]]
    return tuple(parts)  # type: ignore[return-value]


def fitted(encoder: str, work: Path) -> tuple[Adapter, Center]:
    """The adapter, and the centering that it approximates."""
    texts = fitting_texts(encoder, work)
    return centering_adapter(*texts), Center.fit(*texts)


def remedies(collection: cm.Collection, q: Any, d: Any, encoder: str, work: Path) -> dict[str, Remedied]:
    """Corrected queries and documents, and the weight of feedback, by the name of the remedy."""
    adapter, center = fitted(encoder, work)
    adapted = adapter.apply_queries(q), adapter.apply(d)
    sides: dict[str, Remedied] = {"none": Remedied(q, d)}
    if set(collection.languages) <= set(center.languages):
        sides["center · train, languages known"] = Remedied(*corrected(center, collection, q, d))
    learned = trained_adapter(encoder, work)
    sides["adapter, learned · 2,800 translated samples of train"] = Remedied(learned.apply_queries(q), learned.apply(d))
    sides["adapter, closed form · train"] = Remedied(*adapted)
    if collection.name.startswith("tico19"):
        variants = {
            **{f"ridge {ridge:g}": centering_adapter(*fitting_texts(encoder, work), ridge=ridge) for ridge in RIDGES},
            "without ar and hi": centering_adapter(*fitting_texts(encoder, work, ("ar", "hi"))),
        }
        for variant, one in variants.items():
            sides[f"adapter, closed form, {variant} · train"] = Remedied(one.apply_queries(q), one.apply(d))
    for name, (queries, documents) in (("center", (q, d)), ("adapter, closed form, then center", adapted)):
        correction = centered(collection, queries, documents)
        sides[f"{name} · sample"] = Remedied(*corrected(correction, collection, queries, documents))
        try:
            turn = turned(correction, documents, collection.documents.languages)
        except UsageError:  # no language has enough pairs
            continue
        both = corrected(turn, collection, queries, documents)
        sides[f"{name}, turn · index"] = Remedied(*both)
        sides[f"{name}, turn, feedback · index"] = Remedied(*both, WEIGHT)
    return sides


def line_of(name: str, encoder: str, remedy: str, evaluation: cm.Evaluation, base: cm.Evaluation) -> dict[str, Any]:
    """Figures of one remedy, and how each language's `mono-same` changes."""
    changes = {label: change(evaluation, base, label) for label in evaluation.collection["languages"]}
    english = [
        row
        for row in evaluation.rows
        if (row["measure"], row["scenario"], row["query_language"]) == ("Complete@10", "multi", "en")
    ]
    return {
        "encoder": encoder,
        "collection": name,
        "remedy": remedy,
        "Complete@10": evaluation.value("Complete@10", "multi", "macro-target"),
        "Complete@10 en": fmean(row["value"] for row in english),
        "nDCG@1": evaluation.value("nDCG@1", "multi", "macro-target"),
        "mono-same": changes,
    }


def change(evaluation: cm.Evaluation, base: cm.Evaluation, language: str) -> dict[str, float]:
    """Change of nDCG@1 in `mono-same`, and its standard error over clusters of questions that share an answer."""
    table = evaluation.per_query
    own = (table["scenario"] == "mono-same") & (table["query_language"] == language)
    differences = table["nDCG@1"][own] - base.per_query["nDCG@1"][own]
    clusters = np.unique(table["cluster"][own], return_inverse=True)[1]
    residuals = np.bincount(clusters, differences - differences.mean())
    return {"change": float(differences.mean()), "error": float(np.sqrt(np.square(residuals).sum()) / len(differences))}


def measured(name: str, encoder: str, work: Path) -> list[dict[str, Any]]:
    """The lines of one collection."""
    collection, q, d = loaded(encoder, name, work)
    evaluations = {
        remedy: cm.evaluate(
            collection, PrecomputedEncoder(sides.q, sides.d, name=remedy), scenarios=["multi", "mono-same"],
            measures=["Complete@10", "nDCG@1"], resamples=0, feedback=sides.feedback,
        )
        for remedy, sides in remedies(collection, q, d, encoder, work).items()
    }  # fmt: skip
    return [line_of(name, encoder, remedy, one, evaluations["none"]) for remedy, one in evaluations.items()]


def cells(line: dict[str, Any]) -> list[str]:
    """One row of the table."""
    changes = line["mono-same"]
    mean = np.mean([one["change"] for one in changes.values()])
    row = [line["collection"], line["remedy"], f"{line['Complete@10']:.1f}", f"{line['Complete@10 en']:.1f}"]
    row.append(f"{line['nDCG@1']:.3f}")
    if line["remedy"] == "none":
        return [*row, "", "", "", ""]
    tests: list[Callable[[dict[str, float]], bool]] = [
        lambda one: one["change"] < -TOLERANCE,
        lambda one: one["change"] < -one["error"],
    ]
    lower = [", ".join(label for label, one in changes.items() if test(one)) or "none" for test in tests]
    return [*row, minus(f"{100 * mean:+.1f}"), worst_change(changes), *lower]


def main() -> None:
    command = parser(__doc__, "folder of embeddings", required=False)
    command.add_argument("--final", action="store_true", help="evaluate on XQuAD and Belebele as well")
    options = command.parse_args()
    if options.work:
        names = ("tico19", *EVALUATED) if options.final else ("tico19",)
        measured_lines = [line for encoder in NAMES for name in names for line in measured(name, encoder, options.work)]
        others = [line for line in read_result("closed-form") if line["collection"] not in names]
        order = [*NAMES].index
        lines = sorted([*measured_lines, *others], key=lambda line: order(line["encoder"]))
        write_result("closed-form", lines)
    lines = read_result("closed-form")
    blocks = [
        [
            f"**{encoder}**",
            "",
            *table(HEADS, "ll" + "r" * 7, map(cells, (one for one in lines if one["encoder"] == encoder))),
            "",
        ]
        for encoder in NAMES
    ]
    text = "\n".join(itertools.chain(*blocks))
    put(DOCS / "recipe.md", "closed-form", text)
    print(text)


if __name__ == "__main__":
    main()
