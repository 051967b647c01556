"""Before and after: an encoder as it was and as it became, on a collection that no training saw, query by query.

Everything lies in one folder a collection: `before`, `after` (or `after-N` for seed N), the comparison, and how far the
embeddings of translations lie apart (`mismatch.svg`, `mismatch.md`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from clinometer.comparison import Comparison, compare
from clinometer.encoders import Encoder
from clinometer.encoders.keeping import KeepingEncoder
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
    """What a training did on one collection.

    Args:
        source: The collection as it was named.
        folder: Where the results lie.
        comparison: The encoder before with each one after; groups `trained` and `unseen` where both have languages.
    """

    source: str
    folder: Path
    comparison: Comparison

    def to_dict(self) -> dict[str, Any]:
        """Source, folder and the rows of the comparison."""
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
    """Evaluate an encoder as it was and as it became on a collection, and compare the two.

    Results that the folder holds already are kept if they are of the same encoder and texts.

    Args:
        source: As `clinometer.load` reads it; a collection that holds the pivot and another language.
        before: Makes the encoder as it was.
        after: Makes each encoder that came of it, by a name for its folder.
        folder: Gets a folder with the name of the source.
        languages: That were trained on; means over these and over the unseen ones are compared as well.
        pivot: The language that the others were aligned with.
        cards: Model cards that the comparison is put into.
        show_progress_bar: Draw bars on standard error.

    Raises:
        ClinometerError: As for `clinometer.load`, `clinometer.evaluate` and `clinometer.compare`.
    """
    collection = load(source)
    if pivot not in collection.languages or len(collection.languages) < 2:
        raise UsageError(f"{source} has {', '.join(collection.languages)}; {pivot} and another language are needed")
    here = folder / _folder_name(source)

    def evaluated(make: Callable[[], Encoder], name: str) -> Evaluation:
        encoder, target = make(), here / name
        if (target / "results.json").exists() and (target / "geometry.json").exists():
            kept = Evaluation.from_folder(target)
            same = kept.collection == collection.describe() and kept.encoder == msgspec.to_builtins(encoder.record)
            if same and set(MEASURES) <= set(kept.settings["measures"]):
                return kept
        keeping = KeepingEncoder(encoder)
        found = evaluate(
            collection, keeping, pivot=pivot, scenarios=SCENARIOS, measures=MEASURES,
            show_progress_bar=show_progress_bar,
        )  # fmt: skip
        texts = collection.documents
        geometry = alignment_table(keeping.documents, texts.languages, texts.groups, pivot)
        target.mkdir(parents=True, exist_ok=True)
        with written_whole(target / "geometry.json") as file:
            file.write(json_bytes(geometry))
        found.to_folder(target)
        return found

    first = evaluated(before, "before")
    others = [evaluated(make, name) for name, make in after.items()]
    groups = _groups(languages, pivot, collection.languages)
    comparison = compare(first, *others, groups=groups, labels=["before", *after])
    for ending in ("json", "md", "html"):
        comparison.report(here / f"comparison.{ending}")
    _write_mismatch(here, "before", next(iter(after)))
    for card in cards:
        text = (here / "comparison.md").read_text(encoding="utf-8")
        put_section(card, here.name, re.sub(r"^#", "##", text, flags=re.MULTILINE))
    return Proof(source, here, comparison)


def _write_mismatch(here: Path, first: str, second: str) -> None:
    """The figure and the table of the embeddings of translations, before and after."""
    rows = [msgspec.json.decode((here / name / "geometry.json").read_bytes()) for name in (first, second)]
    found = mismatch_report(rows[0], rows[1], names=(first, second))
    texts = {"mismatch.md": found.markdown}
    if found.drawing is not None:
        texts["mismatch.svg"] = found.drawing.svg
    for name, text in texts.items():
        with written_whole(here / name) as file:
            file.write(text.encode())


def _folder_name(source: str) -> str:
    """A name for a folder: the kind of source and the last part of its path.

    Example:
        >>> _folder_name("xquad:../data/xquad"), _folder_name("parallel:a/b.jsonl.gz"), _folder_name("demo")
        ('xquad', 'parallel-b.jsonl.gz', 'demo')
    """
    kind, _, path = source.partition(":")
    last = re.sub(r"[^\w.-]+", "-", path.rstrip("/").rpartition("/")[2]).strip(".-")
    return kind if last in ("", kind) else f"{kind}-{last}"


def _groups(trained: Sequence[str], pivot: str, there: Sequence[str]) -> dict[str, list[str]]:
    """Target languages in and not in the training, where there are both."""
    seen = [label for label in there if label in trained and label != pivot]
    unseen = [label for label in there if label not in trained and label != pivot]
    return {"trained": seen, "unseen": unseen} if seen and unseen else {}
