"""Before and after: an encoder before and after training, on a collection that it was not trained on, query by query.

Each collection has one folder: `before`, `after` (or `after-N` for seed N), the comparison, and how far the embeddings
of translations lie apart (`mismatch.svg`, `mismatch.md`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from clinometer.collection import Texts
from clinometer.comparison import Comparison, compare
from clinometer.contents import read_json
from clinometer.encoders import Encoder, PrecomputedEncoder, encode
from clinometer.encoders.base import Side
from clinometer.errors import UsageError
from clinometer.evaluation import evaluate
from clinometer.evaluation.results import Evaluation
from clinometer.files import json_bytes, put_section, written_whole
from clinometer.geometry import alignment_table
from clinometer.io import load
from clinometer.report.mismatch import mismatch_report

__all__ = ["MEASURES", "SCENARIOS", "Proof", "prove"]

SCENARIOS = ("multi", "one-sided", "mono-same", "mono-cross", "multilingual")
MEASURES = (
    "Complete@10", "MaxRnorm", "nDCG@1", "nDCG@10", "RankGap", "Intrusion", "LPR", "LanguageGap(MaxRnorm)",
)  # fmt: skip


@dataclass(frozen=True)
class Proof:
    """The effect of a training on one collection.

    Args:
        source: The collection as given.
        folder: Folder of the results.
        comparison: The encoder before with each one after; groups `trained` and `unseen` if both have languages.
    """

    source: str
    folder: Path
    comparison: Comparison

    def to_dict(self) -> dict[str, Any]:
        """Source, folder and rows of the comparison, as JSON values."""
        return {"source": self.source, "folder": str(self.folder), "rows": self.comparison.rows}


def prove(
    source: str,
    before: Callable[[], Encoder],
    after: Mapping[str, Callable[[], Encoder]],
    folder: Path,
    *,
    languages: Sequence[str],
    pivot: str = "en",
    cards: Sequence[Path] = (),
    show_progress_bar: bool = False,
) -> Proof:
    """Evaluate an encoder before and after training on a collection, and compare the two.

    Results that already are in the folder are kept if encoder and texts are the same.

    Args:
        source: Source that `clinometer.load` reads; a collection with the pivot and another language.
        before: Function that returns the encoder before training.
        after: Functions that return the encoders after training, by the names of their folders.
        folder: Parent of the folder that is named after the source.
        languages: Languages trained on; means over these and over the unseen ones are compared as well.
        pivot: The language that the others were aligned with.
        cards: Model cards that the comparison is added to.
        show_progress_bar: Draw bars on standard error.

    Raises:
        ClinometerError: As for `clinometer.load`, `clinometer.evaluate` and `clinometer.compare`.
    """
    collection = load(source)
    if pivot not in collection.languages or len(collection.languages) < 2:
        raise UsageError(f"{source} has {', '.join(collection.languages)}, but {pivot} and another language are needed")
    collection_folder = folder / _folder_name(source)

    def evaluated(make: Callable[[], Encoder], name: str) -> Evaluation:
        encoder, target = make(), collection_folder / name
        if (target / "results.json").exists() and (target / "geometry.json").exists():
            earlier = Evaluation.from_folder(target)
            current = (collection.describe(), msgspec.to_builtins(encoder.record))
            if (earlier.collection, earlier.encoder) == current and set(MEASURES) <= set(earlier.settings["measures"]):
                return earlier
        sides: tuple[tuple[Side, Texts], ...] = (("queries", collection.queries), ("documents", collection.documents))
        queries, documents = (
            encode(encoder, texts.texts, side, languages=texts.languages, show_progress_bar=show_progress_bar)
            for side, texts in sides
        )
        evaluation = evaluate(
            collection, PrecomputedEncoder(queries, documents, similarity=encoder.record.similarity),
            pivot=pivot, scenarios=SCENARIOS, measures=MEASURES, show_progress_bar=show_progress_bar,
        )  # fmt: skip
        evaluation = replace(evaluation, encoder=msgspec.to_builtins(encoder.record))
        texts = collection.documents
        geometry = alignment_table(documents, texts.languages, texts.groups, pivot)
        target.mkdir(parents=True, exist_ok=True)
        with written_whole(target / "geometry.json") as file:
            file.write(json_bytes(geometry))
        evaluation.to_folder(target)
        return evaluation

    before_result = evaluated(before, "before")
    after_results = [evaluated(make, name) for name, make in after.items()]
    groups = _groups(languages, pivot, collection.languages)
    comparison = compare(before_result, *after_results, groups=groups, labels=["before", *after])
    for ending in ("json", "md", "html"):
        comparison.report(collection_folder / f"comparison.{ending}")
    _write_mismatch(collection_folder, "before", next(iter(after)))
    for card in cards:
        text = (collection_folder / "comparison.md").read_text(encoding="utf-8")
        put_section(card, collection_folder.name, re.sub(r"^#", "##", text, flags=re.MULTILINE))
    return Proof(source, collection_folder, comparison)


def _write_mismatch(folder: Path, first: str, second: str) -> None:
    """Write the figure and the table of the distances of translations, before and after."""
    rows = [
        read_json(folder / name / "geometry.json", list[dict[str, Any]], "expected rows of clinometer geometry")
        for name in (first, second)
    ]
    report = mismatch_report(rows[0], rows[1], names=(first, second))
    texts = {"mismatch.md": report.markdown}
    if report.drawing is not None:
        texts["mismatch.svg"] = report.drawing.svg
    for name, text in texts.items():
        with written_whole(folder / name) as file:
            file.write(text.encode())


def _folder_name(source: str) -> str:
    """Name of a source's folder: the kind of source and the last part of its path.

    Example:
        >>> _folder_name("xquad:../data/xquad"), _folder_name("parallel:a/b.jsonl.gz"), _folder_name("demo")
        ('xquad', 'parallel-b.jsonl.gz', 'demo')
    """
    kind, _, path = source.partition(":")
    last = re.sub(r"[^\w.-]+", "-", path.rstrip("/").rpartition("/")[2]).strip(".-")
    return kind if last in ("", kind) else f"{kind}-{last}"


def _groups(trained: Sequence[str], pivot: str, languages: Sequence[str]) -> dict[str, list[str]]:
    """Target languages trained on and not trained on, if there are both."""
    seen = [label for label in languages if label in trained and label != pivot]
    unseen = [label for label in languages if label not in trained and label != pivot]
    return {"trained": seen, "unseen": unseen} if seen and unseen else {}
