"""Evaluate a retriever on a collection: encode, scan once, and compute every measure in every setting from the counts.

Values are kept per query in a table with one row per (query, setting); the rows of results are means of its columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from clinometer.analysis.categories import Judge
from clinometer.analysis.findings import SHOWN, find
from clinometer.cells import cells_of, columns_of
from clinometer.collection import Collection
from clinometer.encoders import Encoder
from clinometer.encoders import encoder as make_encoder
from clinometer.errors import MeasureError, UsageError
from clinometer.executors import Executor
from clinometer.grouping import check_field, grouped_measures, rows_by
from clinometer.io import load
from clinometer.languages import canonical
from clinometer.measures import Measure, parse
from clinometer.placements import TIE_MODES, TieMode
from clinometer.results import Evaluation
from clinometer.rows import notices_of, rows_of
from clinometer.scenarios import SCENARIOS, settings_of
from clinometer.scoring import Scored, Scorer, embedded
from clinometer.survey import survey_of

__all__ = ["DEFAULT_MEASURES", "check_options", "evaluate", "evaluate_scored"]

_Name = TypeVar("_Name")

DEFAULT_MEASURES = (
    "MaxR", "MaxRnorm", "Complete@10", "nDCG@1", "nDCG@10", "RR", "R@10", "RankGap", "PivotFirst", "Intrusion",
    "IntrusionCount", "Intrusion(by=own)", "IntrusionCount(by=own)", "LangShare@10", "LanguageGap(MaxRnorm)",
)  # fmt: skip


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
            `clinometer.stored.scoring.StoredEmbeddings`: what was encoded before.
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
        from clinometer.stored.scoring import StoredEmbeddings

        if isinstance(encoder, StoredEmbeddings):
            return encoder.scored(chosen, executor=executor, threads=threads, show_progress_bar=show_progress_bar)
        made: Encoder | Scorer = make_encoder(encoder)
        if isinstance(made, Encoder):
            return embedded(chosen, made, threads, show_progress_bar, executor=executor)
        if executor != "local":
            raise UsageError(f"the executor is for embeddings, but {made.record.name} gives none; leave it out")
        return made.score(chosen, show_progress_bar=show_progress_bar)

    return evaluate_scored(
        collection, scored, languages=languages, scenarios=scenarios, pivot=pivot, pairs=pairs, measures=measures,
        ties=ties, resamples=resamples, confidence=confidence, seed=seed, threads=threads, examples=examples, by=by,
    )  # fmt: skip


def evaluate_scored(
    collection: Collection | str | Path,
    scored: Callable[[Collection], Scored],
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
    examples: int | None = None,
    by: str | None = None,
) -> Evaluation:
    """Measure whatever yields a `Scored`, where no object is at hand that `evaluate` takes.

    Args:
        collection: As for `evaluate`.
        scored: Given the collection in the chosen languages, what scores it. Called once, after all options were
            checked.
        languages: As for `evaluate`, and so are the options that follow.
        scenarios: Names of scenarios.
        pivot: The language whose inclination is measured.
        pairs: `pivot` or `all`.
        measures: Names of measures.
        ties: How equal scores are ordered.
        resamples: Bootstrap resamples.
        confidence: Of the intervals.
        seed: Of the resampling.
        threads: Of the resampling; never shows in the result.
        examples: How many, for the error analysis.
        by: Name of a field of the queries.

    Raises:
        ClinometerError: One of its kinds.
    """
    # Each is read more than once below; a generator can be read only once.
    languages, scenarios, measures = _listed(languages), _listed(scenarios), _listed(measures)
    check_options(
        scenarios=scenarios,
        measures=measures,
        pairs=pairs,
        ties=ties,
        resamples=resamples,
        confidence=confidence,
        seed=seed,
        threads=threads,
        pivot=pivot,
        languages=languages,
        examples=examples,
        by=by,
    )
    wanted = parse(DEFAULT_MEASURES if measures is None else measures)
    # A gap is between two means of another measure, which need not be asked for by itself.
    computed = parse([*wanted, *(measure.inner for measure in wanted if measure.inner)])
    pivot = canonical(pivot)
    scenarios = list(SCENARIOS) if scenarios is None else list(scenarios)
    if not isinstance(collection, Collection):
        collection = load(collection, languages=languages)
    collection = collection.restrict(languages)
    if by is not None:
        check_field(collection, by)
    if collection.notes.get("judgements_are") == "partial":
        # What nobody judged must not pass for wrong without a word.
        wanted = parse([*wanted, "Judged@10"])
        computed = parse([*computed, "Judged@10"])
    settings = settings_of(scenarios, collection.languages, pivot, pairs)
    made = scored(collection)
    survey = survey_of(collection, made.scan, computed, settings, ties, listed=0 if examples is None else SHOWN)
    cells = cells_of(survey, computed, settings, pivot)
    rows = rows_of(survey, cells, wanted, pivot, resamples, confidence, seed, threads)
    notices, grouped, analysis = notices_of(survey, cells), list[dict[str, Any]](), None
    if by is not None:
        asked = grouped_measures(wanted, chosen=measures is not None)
        grouped, further = rows_by(survey, cells, asked, by, pivot, resamples, confidence, seed, threads)
        notices += further
    if examples is not None:
        analysis = find(
            survey, settings, Judge(collection, pivot), worst=examples, resamples=resamples, confidence=confidence,
            seed=seed, threads=threads,
        )  # fmt: skip
    chosen = {
        "pivot": pivot,
        "pairs": pairs,
        "scenarios": scenarios,
        "measures": [str(measure) for measure in wanted],
        "ties": ties,
        "resamples": resamples,
        "confidence": confidence,
        "seed": seed,
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


def _listed(names: Iterable[_Name] | None) -> Iterable[_Name] | None:
    return names if names is None or isinstance(names, str) else list(names)


def check_options(
    *,
    languages: Iterable[str] | None = None,
    scenarios: Iterable[str] | None = None,
    pivot: str = "en",
    pairs: str = "pivot",
    measures: Iterable[str | Measure] | None = None,
    ties: str = "index",
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    threads: int | None = None,
    examples: int | None = None,
    by: str | None = None,
) -> None:
    """Refuse options of `evaluate` that cannot be used with any collection, before any work is done.

    Raises:
        UsageError: Naming the option and what it may be.
    """
    for option, names in (("languages", languages), ("scenarios", scenarios)):
        if isinstance(names, str):
            raise UsageError(f"{option} is the string {names!r}; write a list, such as {names.split(',')}")
    labels = [canonical(label) for label in languages or ()]
    pivot = canonical(pivot)
    settings_of(list(SCENARIOS) if scenarios is None else scenarios, labels or [pivot, "und"], pivot, pairs)
    if not parse(DEFAULT_MEASURES if measures is None else measures):
        raise MeasureError("no measure was chosen; choose some, such as MaxR and nDCG@10")
    if ties not in TIE_MODES:
        raise UsageError(f"there is no tie mode {ties!r}; choose one of {', '.join(TIE_MODES)}")
    if resamples < 0:
        raise UsageError(f"resamples is {resamples}, but cannot be negative")
    if not 0 < confidence < 1:
        raise UsageError(f"confidence is {confidence}, but must lie between 0 and 1")
    if not 0 <= seed < 1 << 64:
        raise UsageError(f"seed is {seed}, but must be a whole number from 0 to 2^64 - 1")
    if examples is not None and examples < 0:
        raise UsageError(f"examples is {examples}, but cannot be negative; 0 gives counts without examples")
    if by is not None and not by:
        raise UsageError("by is empty; name a field of the queries, such as topic")
    if threads is not None and threads < 1:
        raise UsageError(f"threads is {threads}, but must be 1 or more")
