"""Calibration of a retriever in every pool: how well the scores of a ranking tell which queries it answers well."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from clinometer.collection import Collection
from clinometer.encoders import Encoder
from clinometer.errors import MeasureError
from clinometer.evaluation.per_query import setting_values
from clinometer.io import load
from clinometer.measures.abstention import confidences, nauc
from clinometer.parameters import checked, whole
from clinometer.scanning.counts import TieMode
from clinometer.scenarios.lists import top_documents
from clinometer.scenarios.options import EvaluationOptions
from clinometer.scenarios.scanned import scan_plan
from clinometer.scorers import ScanOptions, Scorer, score

__all__ = ["abstention"]


@checked
def abstention(
    collection: Collection | str | Path,
    encoder: Encoder | Scorer | Any = "offline",
    *,
    measures: Iterable[str] = ("nDCG@10",),
    languages: Iterable[str] | None = None,
    scenarios: Iterable[str] | None = None,
    pivot: str = "en",
    pairs: str = "pivot",
    ties: TieMode = "index",
    depth: int = 1000,
    threads: int | None = None,
    show_progress_bar: bool = False,
) -> list[dict[str, Any]]:
    """Calibration by abstention (nAUC) in every setting, as in MTEB.

    Args:
        collection: Collection, or a source that `clinometer.load` reads.
        encoder: Encoder or scorer, as for `clinometer.evaluate`.
        measures: Measures that say how well a query is answered; those for which lower is better are negated.
        languages: Languages to evaluate; all of the collection by default.
        scenarios: Names from `clinometer.scenarios.SCENARIOS`; all by default.
        pivot: Language towards which bias is measured.
        pairs: `pivot` for the pivot with every other language; `all` for every pair.
        ties: Order of equal scores, as for `clinometer.evaluate`.
        depth: Number of documents of each ranking whose scores count.
        threads: Number of threads; the result does not depend on it.
        show_progress_bar: Draw bars on standard error.

    Returns:
        Rows with `scenario`, `query_language`, `pool_languages`, `measure`, `confidence` (a name from
        `clinometer.measures.abstention.CONFIDENCES`), `nauc` (None if all values are equal) and `queries` (with a value
        and a ranking that is not empty).

    Raises:
        ClinometerError: Something cannot be read, encoded or evaluated; the subclass says what.

    Example:
        >>> import clinometer as cm
        >>> rows = cm.abstention("demo", "offline", languages=["en", "de"], scenarios=["mono-same"])
        >>> [(row["query_language"], row["confidence"], row["nauc"] > 0) for row in rows if row["confidence"] == "max"]
        [('en', 'max', True), ('de', 'max', True)]
    """
    options = EvaluationOptions.of(
        languages=languages,
        scenarios=scenarios,
        pivot=pivot,
        pairs=pairs,
        measures=measures,
        ties=ties,
        threads=threads,
    )
    whole(depth, "depth", least=1)
    chosen = options.chosen_measures
    if directionless := [str(measure) for measure in chosen if measure.higher_is_better is None or measure.inner]:
        raise MeasureError(f"{', '.join(directionless)} cannot say how well a query is answered; choose nDCG@10 or RR")
    if not isinstance(collection, Collection):
        collection = load(collection, languages=options.languages)
    collection = collection.restrict(options.languages)
    settings = options.settings(collection.languages)
    scored = score(encoder, collection, ScanOptions(threads=threads, show_progress_bar=show_progress_bar))
    scanned = scan_plan(collection, chosen, settings, ties, listed=depth).scanned(scored.scan)
    rows = []
    for result in setting_values(scanned, chosen, settings, options.canonical_pivot):
        _, scores, _ = top_documents(scanned, result.setting, result.queries, depth)
        by_name = confidences(scores)
        for measure in chosen:
            values = result.values.get(str(measure))
            if values is None:
                continue
            for name, confidence in by_name.items():
                defined = ~np.isnan(values) & ~np.isnan(confidence)
                area = nauc(confidence[defined], values[defined] if measure.higher_is_better else -values[defined])
                rows.append({
                    "scenario": result.setting.scenario,
                    "query_language": result.setting.query_language,
                    "pool_languages": list(result.setting.pool),
                    "measure": str(measure),
                    "confidence": name,
                    "nauc": None if np.isnan(area) else area,
                    "queries": int(np.count_nonzero(defined)),
                })  # fmt: skip
    return rows
