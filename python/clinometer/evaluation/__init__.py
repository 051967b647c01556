"""Evaluate a retriever on a collection: encode, scan once, and compute every measure in every setting from the counts.

Values are kept per query in a table with one row per (query, setting); the rows of results are means of its columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from clinometer.analysis.categories import Judge
from clinometer.analysis.findings import SHOWN, find
from clinometer.collection import Collection
from clinometer.encoders import Encoder
from clinometer.encoders import encoder as make_encoder
from clinometer.errors import UsageError
from clinometer.evaluation.per_query import cells_of, columns_of
from clinometer.evaluation.results import Evaluation
from clinometer.evaluation.rows import check_field, grouped_measures, notices_of, rows_by, rows_of
from clinometer.executors import Executor
from clinometer.io import load
from clinometer.measures import Measure, parse
from clinometer.scanning.counts import TieMode
from clinometer.scenarios import settings_of
from clinometer.scenarios.options import EvaluationOptions
from clinometer.scenarios.scanned import survey_of
from clinometer.scorers.base import Scored, Scorer
from clinometer.scorers.embedded import embedded

__all__ = ["evaluate", "evaluate_scored"]


def evaluate(
    collection: Collection | str | Path,
    encoder: Encoder | Scorer | Any = "offline",
    *,
    languages: Iterable[str] | None = None,
    scenarios: Iterable[str] | None = None,
    pivot: str = "en",
    pairs: str = "pivot",
    measures: Iterable[str | Measure] | None = None,
    ties: TieMode = "index",
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    threads: int | None = None,
    executor: str | Executor = "local",
    examples: int | None = None,
    by: str | None = None,
    show_progress_bar: bool = False,
) -> Evaluation:
    """Measure how an encoder ranks documents of several languages that lie in one pool.

    Args:
        collection: A collection, or a source that `clinometer.load` reads.
        encoder: An encoder, a scorer (`clinometer.scorers`), or what `clinometer.encoder` makes one from; or
            `clinometer.scorers.stored.StoredEmbeddings`: what was encoded before.
        languages: Only these; all of the collection by default.
        scenarios: Names from `clinometer.scenarios.SCENARIOS`; all by default.
        pivot: The language whose inclination is measured.
        pairs: `pivot`: the pivot with every other language; `all`: every pair.
        measures: Names as in `clinometer.measures`; `DEFAULT_MEASURES` by default.
        ties: How equal scores are ordered: `index` (order of the collection), `trec` (document id descending),
            `optimistic`, `pessimistic`, or `expected` (exact expectation over random order).
        resamples: Bootstrap resamples for the confidence intervals; 0 for no intervals.
        confidence: Probability that an interval is to hold, between 0 and 1.
        seed: Of the resampling.
        threads: How many; never shows in the result.
        executor: Where the scan runs, as for `clinometer.scan`; never shows in the result.
        examples: Analyse the errors too: what outranked the answers, with so many examples for each scenario and query
            language (0: only the counts). None for no analysis.
        by: Name of a field of the queries, such as `topic`; the measures are also given for each of its values.
        show_progress_bar: Draw bars on standard error.

    Returns:
        The evaluation; its `rows` are tidy.

    Raises:
        ClinometerError: One of its kinds, for anything that cannot be read, encoded or evaluated.

    Example:
        >>> import clinometer as cm
        >>> evaluation = cm.evaluate("demo", "offline", languages=["en", "de"], scenarios=["multi"], measures=["MaxR"])
        >>> [(row["query_language"], row["measure"], row["queries"]) for row in evaluation.rows[:2]]
        [('en', 'MaxR', 150), ('de', 'MaxR', 150)]
    """

    def scored(chosen: Collection) -> Scored:
        # Imported here: it brings remedies, and with them half of the package.
        from clinometer.scorers.stored import StoredEmbeddings

        if isinstance(encoder, StoredEmbeddings):
            return encoder.scored(chosen, executor=executor, threads=threads, show_progress_bar=show_progress_bar)
        made: Encoder | Scorer = make_encoder(encoder)
        if isinstance(made, Encoder):
            return embedded(chosen, made, threads, show_progress_bar, executor=executor)
        if executor != "local":
            raise UsageError(f"the executor is for embeddings, but {made.record.name} gives none; leave it out")
        return made.score(chosen, show_progress_bar=show_progress_bar)

    asked = EvaluationOptions(
        languages=languages, scenarios=scenarios, pivot=pivot, pairs=pairs, measures=measures, ties=ties,
        resamples=resamples, confidence=confidence, seed=seed, threads=threads, examples=examples, by=by,
    )  # fmt: skip
    return evaluate_scored(collection, scored, asked)


def evaluate_scored(
    collection: Collection | str | Path, scored: Callable[[Collection], Scored], asked: EvaluationOptions
) -> Evaluation:
    """Measure whatever yields a `Scored`, where no object is at hand that `evaluate` takes.

    Args:
        collection: As for `evaluate`.
        scored: Given the collection in the chosen languages, what scores it. Called once.
        asked: The options of `evaluate`.

    Raises:
        ClinometerError: One of its kinds.
    """
    wanted = asked.chosen_measures
    # A gap is between two means of another measure, which need not be asked for by itself.
    computed = parse([*wanted, *(measure.inner for measure in wanted if measure.inner)])
    pivot, by, examples = asked.canonical_pivot, asked.by, asked.examples
    chance = (asked.resamples, asked.confidence, asked.seed, asked.threads)
    if not isinstance(collection, Collection):
        collection = load(collection, languages=asked.languages)
    collection = collection.restrict(asked.languages)
    if by is not None:
        check_field(collection, by)
    if collection.notes.get("judgements_are") == "partial":
        # What nobody judged must not pass for wrong without a word.
        wanted = parse([*wanted, "Judged@10"])
        computed = parse([*computed, "Judged@10"])
    settings = settings_of(asked.chosen_scenarios, collection.languages, pivot, asked.pairs)
    made = scored(collection)
    survey = survey_of(collection, made.scan, computed, settings, asked.ties, listed=0 if examples is None else SHOWN)
    cells = cells_of(survey, computed, settings, pivot)
    rows = rows_of(survey, cells, wanted, pivot, *chance)
    notices, grouped, analysis = notices_of(survey, cells), list[dict[str, Any]](), None
    if by is not None:
        shown = grouped_measures(wanted, chosen=asked.measures is not None)
        grouped, further = rows_by(survey, cells, shown, by, pivot, *chance)
        notices += further
    if examples is not None:
        analysis = find(
            survey, settings, Judge(collection, pivot), worst=examples, resamples=asked.resamples,
            confidence=asked.confidence, seed=asked.seed, threads=asked.threads,
        )  # fmt: skip
    chosen = {
        "pivot": pivot,
        "pairs": asked.pairs,
        "scenarios": asked.chosen_scenarios,
        "measures": [str(measure) for measure in wanted],
        "ties": asked.ties,
        "resamples": asked.resamples,
        "confidence": asked.confidence,
        "seed": asked.seed,
        "similarity": made.similarity,
        **({} if by is None else {"by": by}),
        "version": version("clinometer"),
    }
    return Evaluation(
        collection=collection.describe(),
        encoder=made.record,
        settings=chosen,
        rows=rows,
        notices=[*made.notices, *notices],
        by=grouped,
        analysis=analysis,
        per_query=columns_of(survey, cells),
    )
