"""Evaluate a retriever on a collection: encode, scan once, and compute every measure in every setting from the counts.

A table holds one row of values per (query, setting); the rows of the results are means of its columns.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from clinometer.analysis.categories import Judge
from clinometer.analysis.findings import SHOWN, find
from clinometer.collection import Collection
from clinometer.correction.expansion import check_expansion_weight
from clinometer.correction.feedback import check_weight, with_feedback
from clinometer.encoders import Encoder
from clinometer.errors import ClinometerError, ClinometerWarning, UsageError
from clinometer.evaluation.notices import expansion_notices, query_notices, tie_notices
from clinometer.evaluation.per_query import per_query_columns, setting_values
from clinometer.evaluation.results import Evaluation
from clinometer.evaluation.rows import check_field, grouped_measures, interval_notices, mean_rows, notices_of, rows_by
from clinometer.evaluation.saved_run import RUN_DEPTH, check_run
from clinometer.evaluation.saved_run import save_run as write_run
from clinometer.executors import Executor
from clinometer.io import load
from clinometer.measures import Measure, parse
from clinometer.parameters import checked
from clinometer.scanning.counts import TieMode
from clinometer.scenarios.drawing import drawn
from clinometer.scenarios.feedback import scan_with_feedback
from clinometer.scenarios.options import EvaluationOptions
from clinometer.scenarios.own_documents import own_id_notices
from clinometer.scenarios.own_first import scan_own_first, with_own_first
from clinometer.scenarios.scanned import scan_plan
from clinometer.scorers import ScanOptions, Scorer, score
from clinometer.statistics.resampling import Unit

__all__ = ["evaluate"]


@checked
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
    resample: Unit = "cluster",
    confidence: float = 0.95,
    seed: int = 0,
    threads: int | None = None,
    executor: str | Executor = "local",
    examples: int | None = None,
    by: str | None = None,
    exclude_own_id: bool = False,
    expand: float | None = None,
    feedback: float | None = None,
    own_first: Encoder | Scorer | Any = None,
    similarity: Literal["cosine", "dot", "hamming"] | None = None,
    scan_device: str | None = None,
    query_set: str = "answered",
    save_run: str | Path | None = None,
    log_to: str | None = None,
    show_progress_bar: bool = False,
) -> Evaluation:
    """Measure how an encoder ranks documents of several languages in one pool.

    Args:
        collection: A collection, or a source that `clinometer.load` reads.
        encoder: Anything that `clinometer.scorers.scorer` takes: a name or model for `clinometer.encoder`, an encoder,
            `"bm25"`, or a scorer, such as `clinometer.scorers.StoredEmbeddings`.
        languages: Languages to evaluate; all of the collection by default.
        scenarios: Names from `clinometer.scenarios.SCENARIOS`; all by default.
        pivot: Language towards which bias is measured.
        pairs: `pivot` for the pivot with every other language; `all` for every pair.
        measures: Names as in `clinometer.measures`; `DEFAULT_MEASURES` by default.
        ties: Order of equal scores: `index` (order of the collection), `trec` (document id descending),
            `optimistic`, `pessimistic`, or `expected` (exact expectation over random order).
        resamples: Number of resamples for the intervals of language gaps; 0 for no intervals at all.
        resample: Unit that counts as independent: `cluster` for questions that share an answer (relevant documents or
            their translations) together, or `question` for each question, with its translations, alone.
        confidence: Confidence level of the intervals, between 0 and 1.
        seed: Seed of the resamples.
        threads: Number of threads; the result does not depend on it.
        executor: Executor of the scan, as for `clinometer.scan`; the result does not depend on it.
        examples: Number of examples of errors for each scenario and query language, with what outranked the answers; 0
            for counts only, None for no analysis.
        by: Field of the queries, such as `topic`; the measures are also computed for each of its values.
        exclude_own_id: Leave the document with the query's own id out of its pool, as for ArguAna and Quora, where it
            is the query itself. It is then not an answer either, even if it is judged relevant.
        expand: Weight of an expansion, such as 0.5, from 0 to 1: documents are blended with their translations in the
            pivot, which are mined among all documents of the collection (`clinometer.mining.expanded`). None for none.
            It needs embeddings that are compared by cosine. Where a scenario hides a version of an answer, the other
            version has been blended with it all the same.
        feedback: Weight of feedback, such as 0.2: every pool is searched a second time, with each query moved by it
            towards the pool's best document, which stays first (`clinometer.correction.feedback`). None for one search.
            It needs embeddings that are compared by cosine.
        own_first: The encoder before its remedies, as for `encoder`: of the documents in a query's own language, the
            one that is best by it comes first, right before the one that is best after them
            (`clinometer.scenarios.own_first`). In pools of one language nDCG@1 is then that of this encoder; without a
            fixed order of ties (`index`, `trec`), documents that tie for the first place may differ. None for no such
            search.
        similarity: Similarity of embeddings: `cosine`, `dot`, or `hamming` for packed bits (`PrecomputedEncoder`). By
            default the one that the model, the arrays or the stores are made for; if they state none, `cosine`.
        scan_device: Device of torch for the scan of embeddings, such as `cuda` (the extra `torch`); the result does not
            depend on it. The device of an encoder is an option of `clinometer.encoder`.
        query_set: Queries that the means are over. `answered`: those with a relevant document in the pool; if nothing
            was retrieved for one, it counts as missed. `complete`, as `trec_eval -c`: all judged queries; the measures
            of trec_eval are 0 for those without a relevant document in the pool. `listed`, as trec_eval without `-c`:
            of these, those with a list in the run.
        save_run: File for the best 1000 documents of each query in the pool of all languages, as a TREC run; packed by
            suffix.
        log_to: Tracker of experiments for the results, `mlflow:EXPERIMENT` or `wandb:PROJECT`; a warning says if it
            does not take them (`clinometer.integrations.tracking`).
        show_progress_bar: Draw bars on standard error.

    Returns:
        The evaluation; its `rows` are tidy.

    Raises:
        ClinometerError: Something cannot be read, encoded or evaluated; the subclass says what kind of error it is.

    Example:
        >>> import clinometer as cm
        >>> evaluation = cm.evaluate("demo", "offline", languages=["en", "de"], scenarios=["multi"], measures=["MaxR"])
        >>> [(row["query_language"], row["measure"], row["queries"]) for row in evaluation.rows[:2]]
        [('en', 'MaxR', 150), ('de', 'MaxR', 150)]
    """
    from importlib.metadata import version  # here, since it imports half of the standard library

    options = EvaluationOptions.of(
        languages=languages, scenarios=scenarios, pivot=pivot, pairs=pairs, measures=measures, ties=ties,
        resamples=resamples, resample=resample, confidence=confidence,
        seed=seed, threads=threads, examples=examples, by=by, query_set=query_set,
    )  # fmt: skip
    if not isinstance(collection, Collection):
        collection = load(collection, languages=options.languages)
    collection = collection.restrict(options.languages)
    if by is not None:
        check_field(collection, by)
    measures, computed, pivot = options.chosen_measures, options.computed_measures, options.canonical_pivot
    if collection.notes.get("judgements_are") == "partial":
        # Unjudged documents must not silently count as not relevant.
        measures, computed = (parse([*names, "Judged@10"]) for names in (measures, computed))
    settings = options.settings(collection.languages)
    if expand is not None:
        check_expansion_weight(expand)
    if feedback is not None:
        check_weight(feedback)
    if log_to is not None:
        # Against the order of rooms, so that it is there where results are made; see tests/test_house.py.
        from clinometer.integrations.tracking import log, require_tracker

        require_tracker(log_to)
    if save_run is not None:
        check_run(collection, save_run)
    if own_first is not None and save_run is not None:
        raise UsageError("a run has no first places by another encoder; leave out save_run or own_first")
    scan_options = ScanOptions(executor, threads, show_progress_bar, similarity, scan_device)
    scored = score(encoder, collection, scan_options)
    if expand is not None:
        if scored.expander is None:
            raise UsageError(
                f"an expansion needs embeddings that are compared by cosine, but {scored.record['name']} scores by "
                f"{scored.similarity}; leave it out"
            )
        scored = scored.expander(expand, pivot)
    listed = max(0 if examples is None else SHOWN, 0 if own_first is None else 1)
    pool_k = 0 if save_run is None else RUN_DEPTH
    left_out = scored.unlisted_queries if query_set == "listed" else frozenset()
    plan = scan_plan(collection, computed, settings, ties, listed, pool_k, left_out, exclude_own_id=exclude_own_id)
    if feedback is None:
        scanned = plan.scanned(scored.scan)
    else:
        scored = scored._replace(record=with_feedback(scored.record, feedback))
        scanned = scan_with_feedback(plan, scored, feedback, settings)
    if own_first is not None:
        before = score(own_first, collection, scan_options)
        scanned = scan_own_first(plan, scanned, scored, before, settings)
        scored = scored._replace(record=with_own_first(scored.record, before.record["name"]))
    if save_run is not None:
        write_run(scanned, scored.record["name"], save_run)
    results = setting_values(
        scanned, computed, settings, pivot, count_unanswered=query_set != "answered",
        show_progress_bar=show_progress_bar,
    )  # fmt: skip
    rows = mean_rows(scanned, results, measures, pivot, options.resamples, show_progress_bar=show_progress_bar)
    notices = query_notices(scanned, results, scored.unlisted_queries, query_set) + notices_of(scanned, results)
    notices += tie_notices(scanned, results, computed, pivot)
    notices += expansion_notices(scored.record["remedies"], settings)
    grouped, analysis = list[dict[str, Any]](), None
    if by is not None:
        group_measures = grouped_measures(measures, chosen=options.measures is not None)
        grouped, group_notices = rows_by(scanned, results, group_measures, by, pivot, options.resamples)
        notices += group_notices
    if examples is not None:
        judge = Judge(collection, pivot)
        analysis = find(scanned, settings, judge, worst=examples, resamples=options.resamples)
    per_query = per_query_columns(scanned, results)
    described = drawn(options.resamples.unit, per_query["cluster"], per_query["question"])
    notices += interval_notices(described, rows, resamples)
    settings_record = {
        "pivot": pivot,
        "pairs": pairs,
        "scenarios": options.chosen_scenarios,
        "measures": [str(measure) for measure in measures],
        "ties": ties,
        "resamples": resamples,
        "confidence": confidence,
        "seed": seed,
        **described,
        "similarity": scored.similarity,
        "exclude_own_id": exclude_own_id,
        "query_set": query_set,
        **({} if by is None else {"by": by}),
        "version": version("clinometer"),
    }
    evaluation = Evaluation(
        collection=collection.describe(),
        encoder=scored.record,
        settings=settings_record,
        rows=rows,
        notices=[
            *scored.notices,
            *collection.notices(),
            *own_id_notices(collection, scanned.excluded),
            *notices,
        ],
        by=grouped,
        analysis=analysis,
        per_query=per_query,
    )
    if log_to is not None:
        try:
            log(evaluation, log_to)
        except ClinometerError as error:
            # What has been measured is not to be lost.
            warnings.warn(str(error), ClinometerWarning, stacklevel=2)
    return evaluation
