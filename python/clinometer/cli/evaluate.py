"""`clinometer evaluate` and `clinometer demo`: results, table and report of an encoder on a collection."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from clinometer.cli.completion import query_sets, tie_modes
from clinometer.cli.config import origin
from clinometer.cli.earlier import Force, identity, refuse_other
from clinometer.cli.encoder_options import Remedy, Vectors
from clinometer.cli.expansion import OptionGroup, option, output_option
from clinometer.cli.option_groups import (
    Execution,
    Expand,
    Figures,
    Json,
    LogTo,
    MemoryBudget,
    Pivot,
    Progress,
    Resampling,
    Selection,
    Similarity,
    Source,
    SourceName,
    split_names,
)
from clinometer.cli.output import check_folder, report_of, tell_figures, tell_logged, write
from clinometer.cli.remedies import RemedyFiles, warn
from clinometer.cli.target import Target
from clinometer.cli.terminal import Verbose, show, terminal
from clinometer.errors import UsageError
from clinometer.files.packed import SUFFIXES_SHOWN

__all__ = ["Measured", "demo", "evaluate"]

EXAMPLES = 3
"""Default number of examples of each language and scenario if results are written."""


@dataclass(frozen=True)
class Measured(Selection):
    """How a collection is measured."""

    pivot: Pivot = "en"
    pairs: Annotated[str, option("pivot|all", "Pairs of languages: the pivot with every other, or all.")] = "pivot"
    ties: Annotated[
        str,
        option("MODE", "Order of ties: index, trec, optimistic, pessimistic or expected.", autocompletion=tie_modes),
    ] = "index"
    pool: Annotated[
        list[str] | None,
        option("STEP", "Change of the pool, such as 'skew(en=0.9)' or 'distract(NAME=SOURCE)'; may be repeated."),
    ] = None
    by: Annotated[str | None, option("FIELD", "Field of the queries, for results by its values.")] = None
    similarity: Similarity = None
    exclude_own_id: Annotated[
        bool,
        option(None, "Exclusion of the document with the query's own id, as for ArguAna or Quora.", "--exclude-own-id"),
    ] = False
    expand: Expand = None
    feedback: Annotated[
        float | None,
        option("W", "Weight of the pool's best document, such as 0.2, in a second search of each pool."),
    ] = None
    own_first: Annotated[
        bool,
        option(
            None,
            "First place of the query's language for the document that is best before the remedies; texts are encoded "
            "twice, stores searched twice.",
            "--own-first",
        ),
    ] = False
    query_set: Annotated[
        str,
        option(
            "SET",
            "Queries of the means: answered, or as trec_eval averages judged ones, complete (-c) or listed (without).",
            autocompletion=query_sets,
        ),
    ] = "answered"

    def options(self, resampling: Resampling, **further: Any) -> dict[str, Any]:
        """Options of `clinometer.evaluate` that determine its results, except those that are remedies.

        Args:
            resampling: How intervals are made.
            **further: Other options that are checked together with these.

        Raises:
            UsageError: A value cannot be used.
        """
        from clinometer.encoders.similarity import check_similarity
        from clinometer.scenarios.options import EvaluationOptions

        options: dict[str, Any] = {
            "scenarios": split_names(self.scenarios),
            "measures": split_names(self.measures),
            "pivot": self.pivot,
            "pairs": self.pairs,
            "ties": self.ties,
            "query_set": self.query_set,
            **asdict(resampling),
            **further,
        }
        EvaluationOptions.of(**options)
        check_similarity(self.similarity)
        return options | {"exclude_own_id": self.exclude_own_id, "similarity": self.similarity}


@dataclass(frozen=True)
class _OtherScorer(OptionGroup):
    panel = "Instead of an encoder"

    run: Annotated[Path | None, option("TREC", f"Ranked lists of documents, also as {SUFFIXES_SHOWN}.")] = None
    scores: Annotated[Path | None, option("NPY", "Matrix of scores, queries by documents.")] = None


@dataclass(frozen=True)
class _Results(Progress):
    json: Json = False
    verbose: Verbose = False
    output: Annotated[Path | None, output_option("DIR", "Folder for results.json, per_query.jsonl.gz and reports.")] = (
        None
    )
    figures: Figures = None
    log_to: LogTo = None
    force: Force = False
    examples: Annotated[
        int | None,
        option(
            "N",
            "Number of the worst queries of each language, with the texts that outranked the answers; 3 by default "
            "with -o, 0 for counts without texts.",
            min=0,
        ),
    ] = None
    run_file: Annotated[
        Path | None,
        option(
            "FILE",
            f"TREC run of the best 1000 of all languages for each query, also as {SUFFIXES_SHOWN}.",
            "--save-run",
        ),
    ] = None


def demo(
    output: Annotated[Path, output_option("DIR", "Folder for results and report.")] = Path("clinometer-demo"),
    json: Json = False,
    verbose: Verbose = False,
    force: Force = False,
) -> None:
    """Evaluate the embedded collection with the embedded encoder and write the report.

    Example:
        clinometer demo -o results/demo
    """
    results = _Results(output=output, json=json, verbose=verbose, force=force, examples=EXAMPLES)
    # Its collection is always the same, and the finding is to stay on the screen.
    _run("demo", Source(), Target("offline", {}), Measured(), Resampling(), Execution(), results, summary=verbose)


def evaluate(
    source: SourceName,
    reading: Source,
    measured: Measured,
    vectors: Vectors,
    scorer: _OtherScorer,
    remedy: Remedy,
    resampling: Resampling,
    execution: Execution,
    results: _Results,
    memory_budget: MemoryBudget = None,
) -> None:
    """Evaluate an encoder, or any other scorer, on a collection whose documents are in several languages.

    Example:
        clinometer evaluate demo --languages en,de,zh \\
            --scenarios multi,one-sided -o results/three
    """
    target = Target(
        vectors.encoder.encoder, vectors.encoder.arguments(), run=scorer.run, scores=scorer.scores,
        queries=vectors.queries, documents=vectors.documents,
        remedies=RemedyFiles(remedy.adapter, remedy.correction, remedy.query_languages), similarity=measured.similarity,
        memory_budget=memory_budget,
    )  # fmt: skip
    _run(source, reading, target, measured, resampling, execution, results)


def _run(
    source: str,
    reading: Source,
    target: Target,
    measured: Measured,
    resampling: Resampling,
    execution: Execution,
    results: _Results,
    *,
    summary: bool = True,
) -> None:
    # Imported here so that `--help` and errors in options come at once.
    import msgspec

    from clinometer.correction.expansion import check_expansion_weight, with_weight
    from clinometer.correction.feedback import check_weight, with_feedback
    from clinometer.evaluation import evaluate as run
    from clinometer.evaluation.saved_run import RUN_DEPTH, check_run
    from clinometer.integrations.tracking import log, require_tracker
    from clinometer.pools import apply
    from clinometer.pools import parse as parse_steps
    from clinometer.report import plain_report
    from clinometer.scanning.device.options import check_device
    from clinometer.scenarios.own_first import with_own_first

    options = measured.options(
        resampling,
        languages=split_names(reading.languages),
        threads=execution.threads,
        examples=EXAMPLES if results.examples is None and results.output is not None else results.examples,
        by=measured.by,
    )
    if execution.scan_device is not None:
        check_device(execution.scan_device)
    if measured.expand is not None:
        check_expansion_weight(measured.expand)
    if measured.feedback is not None:
        check_weight(measured.feedback)
    if measured.own_first:
        target.refuse_without_remedies(expand=measured.expand, feedback=measured.feedback)
        if results.run_file is not None:
            raise UsageError("--save-run cannot follow --own-first; leave out one of them")
    options |= {"expand": measured.expand, "feedback": measured.feedback, "scan_device": execution.scan_device}
    steps = parse_steps(measured.pool or [])
    target.open()
    if results.output is not None:
        check_folder(results.output)
        # A folder that has results of its own may hold a comparison of these with others.
        if (results.output / "comparison.json").exists() and not (results.output / "results.json").exists():
            raise UsageError(
                f"{results.output} holds the comparison of several encoders, whose report that of one would replace; "
                "choose another folder"
            )
    if results.figures is not None:
        check_folder(results.figures, figures=True)
    if results.log_to is not None:
        require_tracker(results.log_to)
    collection = apply(reading.load(source), steps, pivot=measured.pivot)
    if summary:
        sys.stderr.write(collection.summary() + "\n")
    if results.run_file is not None:
        check_run(collection, results.run_file)
    scorer = target.scorer(collection)
    options["own_first"] = target.before() if measured.own_first else None
    if results.output is not None:
        described = collection.restrict(options["languages"]).describe()
        record = msgspec.to_builtins(scorer.record)
        if measured.expand is not None:
            record = with_weight(record, measured.expand)
        if measured.feedback is not None:
            record = with_feedback(record, measured.feedback)
        if measured.own_first:
            record = with_own_first(record, options["own_first"].record.name)
        refuse_other(results.output / "results.json", identity(record, described), force=results.force)
    warnings = list(scorer.record.warnings)
    warn(warnings)
    evaluation = run(
        collection, scorer, executor=execution.executor, save_run=results.run_file, show_progress_bar=results.bars,
        **options,
    )  # fmt: skip
    # Encoding and scanning may add warnings.
    warn([warning for warning in evaluation.encoder["warnings"] if warning not in warnings])
    if steps:
        evaluation.settings["pool"] = [step.text for step in steps]
    evaluation.settings.update(origin())
    for notice in evaluation.notices:
        sys.stderr.write(f"note: {notice}\n")
    if results.output is not None:
        write(evaluation, results.output)
    if results.log_to is not None:
        log(evaluation, results.log_to, results.output)
        tell_logged(results.log_to)
    if results.figures is not None:
        tell_figures(evaluation.figures(results.figures))
    if results.run_file is not None:
        depth = min(RUN_DEPTH, len(collection.documents))
        queries = f"{len(collection.queries):,} queries"
        sys.stderr.write(f"wrote the best {depth} documents of {queries} to {results.run_file}\n")
    if results.json:
        sys.stdout.write(evaluation.to_json())
    else:
        show(plain_report([evaluation.to_dict()], terminal(), verbose=results.verbose) + "\n")
        sys.stdout.write(report_of(results.output) + "\n")
