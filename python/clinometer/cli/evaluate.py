"""`clinometer evaluate` and `clinometer demo`: from a collection and an encoder to results, table and report."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from clinometer.cli.http import Cache, Http, Model, http_options
from clinometer.cli.output import check_folder, show, tell_figures, write
from clinometer.cli.reader import Reader, reader_options
from clinometer.cli.remedies import RemedyFiles, warn
from clinometer.cli.save_run import SaveRun, check_run, keeping, save_run
from clinometer.cli.target import Target
from clinometer.executors import check_executor

__all__ = ["demo", "evaluate"]

EXAMPLES = 3
"""Of each language and scenario, where results are kept and the user does not say how many."""


def demo(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for results and report.")
    ] = Path("clinometer-demo"),
    json: Annotated[bool, typer.Option("--json", help="Print the results as JSON instead of a table.")] = False,
) -> None:
    """Evaluate the embedded collection with the embedded encoder and write the report."""
    _run("demo", Target("offline", {}), {}, {"examples": EXAMPLES}, output, json, progress=None)


def evaluate(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="demo, xquad:DIR, belebele:DIR, beir:DIR, parallel:FILE[,FILE...], irds:NAME or hub:NAME.",
        ),
    ],
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            metavar="E",
            help="offline (the default), a sentence-transformers model (name or folder), http://HOST/v1, precomputed, "
            "or bm25.",
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="TREC", help="Instead of an encoder: ranked lists, .gz by suffix.")
    ] = None,
    scores: Annotated[
        Path | None, typer.Option(metavar="NPY", help="Instead of an encoder: a matrix of queries by documents.")
    ] = None,
    languages: Annotated[str | None, typer.Option(metavar="A,B,...", help="Only these languages.")] = None,
    scenarios: Annotated[
        str | None,
        typer.Option(metavar="A,B,...", help="mono-same, mono-cross, multi, one-sided, multilingual; all by default."),
    ] = None,
    measures: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Such as MaxR,Complete@10,nDCG@10,Intrusion.")
    ] = None,
    pivot: Annotated[str, typer.Option(metavar="LANGUAGE", help="Whose inclination is measured.")] = "en",
    pairs: Annotated[
        str, typer.Option(metavar="pivot|all", help="The pivot with every language, or every pair.")
    ] = "pivot",
    ties: Annotated[
        str, typer.Option(metavar="MODE", help="index, trec, optimistic, pessimistic or expected.")
    ] = "index",
    executor: Annotated[str, typer.Option(metavar="local|ray", help="Where the scan runs.")] = "local",
    unit: Annotated[str | None, typer.Option(metavar="passage|row", help="xquad: what one document is.")] = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="beir, hub: which judgements.")] = None,
    document_language: Annotated[
        str | None,
        typer.Option(metavar="LANGUAGE|id", help="beir, hub: language of texts that name none."),
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="beir, hub: count judgements of absent texts instead of failing.")
    ] = False,
    complete: Annotated[
        bool, typer.Option("--complete", help="Only what is there in every language; what is left out is counted.")
    ] = False,
    pool: Annotated[
        list[str] | None,
        typer.Option(
            "--pool",
            metavar="STEP",
            help="Make the pool uneven, such as 'skew(en=0.9)' or 'distract(NAME=SOURCE)'; again for further steps.",
        ),
    ] = None,
    reading: Reader = None,
    query_prompt: Annotated[str | None, typer.Option(metavar="TEXT", help="Put before each query.")] = None,
    document_prompt: Annotated[str | None, typer.Option(metavar="TEXT", help="Put before each document.")] = None,
    batch_size: Annotated[int, typer.Option(metavar="N", min=1, help="Texts in one forward pass.")] = 32,
    max_length: Annotated[int | None, typer.Option(metavar="N", min=1, help="Longest input in tokens.")] = None,
    precision: Annotated[
        str | None, typer.Option(metavar="bfloat16", help="Compute faster and less exactly; recorded in the results.")
    ] = None,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="Such as cpu or cuda:0.")] = None,
    revision: Annotated[str | None, typer.Option(metavar="COMMIT", help="Of a model on the hub.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run Python code that comes with a model.")
    ] = False,
    model: Model = None,
    cache: Cache = None,
    http: Http = None,
    queries: Annotated[
        Path | None,
        typer.Option(metavar="STORE|NPY", help="Stored queries; or precomputed: their embeddings, in order."),
    ] = None,
    documents: Annotated[
        Path | None,
        typer.Option(metavar="STORE|NPY", help="Stored documents; or precomputed: their embeddings, in order."),
    ] = None,
    adapter: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Adapter that embeddings go through first.")
    ] = None,
    correction: Annotated[
        Path | None, typer.Option(metavar="NPZ", help="Correction of `clinometer correct`, or the folder it is in.")
    ] = None,
    query_languages: Annotated[
        str | None,
        typer.Option(
            metavar="MODE", help="correction: languages of queries are given (the default), unknown, or identify."
        ),
    ] = None,
    run_file: SaveRun = None,
    resamples: Annotated[int, typer.Option(metavar="N", min=0, help="Bootstrap resamples; 0 for no intervals.")] = 1000,
    confidence: Annotated[float, typer.Option(metavar="P", help="Of the intervals.")] = 0.95,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of the resampling.")] = 0,
    threads: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Of the scan; never changes a result.")
    ] = None,
    examples: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="What outranked the answers, with the N worst queries of each language and their texts; with -o 3 "
            "by default, 0 for counts without texts.",
        ),
    ] = None,
    by: Annotated[
        str | None, typer.Option(metavar="FIELD", help="Results also for each value of a field of the queries.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the results as JSON instead of a table.")] = False,
    progress: Annotated[
        bool | None,
        typer.Option("--progress/--no-progress", help="Bars on standard error; by default if it is a terminal."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Folder for results.json, per_query.jsonl.gz and reports."),
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for every figure of the report, as SVG and PNG.")
    ] = None,
) -> None:
    """Evaluate an encoder, or any other scorer, on a collection whose documents are in several languages."""
    check_executor(executor)
    reader = {"unit": unit, "split": split, "language": document_language, "allow_missing": allow_missing or None}
    reader |= reader_options(reading)
    asked = {
        "query_prompt": query_prompt,
        "document_prompt": document_prompt,
        "batch_size": batch_size,
        "max_length": max_length,
        "precision": precision,
        "device": device,
        "revision": revision,
        "trust_remote_code": trust_remote_code,
        **http_options(model, cache, http),
    }
    how = {
        "languages": _list(languages),
        "scenarios": _list(scenarios),
        "measures": _list(measures),
        "pivot": pivot,
        "pairs": pairs,
        "ties": ties,
        "resamples": resamples,
        "confidence": confidence,
        "seed": seed,
        "threads": threads,
        "examples": EXAMPLES if examples is None and output is not None else examples,
        "by": by,
    }
    remedies = RemedyFiles(adapter, correction, query_languages)
    what = Target(encoder, asked, run=run, scores=scores, queries=queries, documents=documents, remedies=remedies)
    given = {name: value for name, value in reader.items() if value is not None}
    _run(
        source, what, given, how, output, json, progress,
        executor=executor, complete=complete, pool=pool or [], figures=figures, run_file=run_file,
    )  # fmt: skip


def _run(
    source: str,
    what: Target,
    reader: dict[str, Any],
    how: dict[str, Any],
    output: Path | None,
    json: bool,
    progress: bool | None,
    *,
    executor: str = "local",
    complete: bool = False,
    pool: Sequence[str] = (),
    figures: Path | None = None,
    run_file: Path | None = None,
) -> None:
    # Imported here so that `--help` and complaints about options come at once.
    from clinometer.evaluation import evaluate as run
    from clinometer.io import load
    from clinometer.pools import apply
    from clinometer.pools import parse as parse_steps
    from clinometer.scenarios.options import EvaluationOptions

    bars = sys.stderr.isatty() if progress is None else progress
    EvaluationOptions.of(**how)  # refuses what cannot be used
    steps = parse_steps(pool)
    what.open()
    if output is not None:
        check_folder(output)
    if figures is not None:
        check_folder(figures)
    collection = load(source, languages=how.get("languages"), **reader)
    if complete:
        collection = collection.complete()
    collection = apply(collection, steps, pivot=how.get("pivot", "en"))
    sys.stderr.write(collection.summary() + "\n")
    if run_file is not None:
        check_run(collection, run_file)
    made = what.scorer(collection)
    kept = None if run_file is None else keeping(made)
    told = list(made.record.warnings)
    warn(told)
    evaluation = run(collection, kept or made, show_progress_bar=bars, executor=executor, **how)
    # Some things are known only when all texts have been seen.
    warn([warning for warning in evaluation.encoder["warnings"] if warning not in told])
    if steps:
        evaluation.settings["pool"] = [step.text for step in steps]
    evaluation.settings["command"] = shlex.join(["clinometer", *sys.argv[1:]])
    for notice in evaluation.notices:
        sys.stderr.write(f"note: {notice}\n")
    if output is not None:
        write(evaluation, output)
    if figures is not None:
        tell_figures(evaluation.figures(figures))
    if run_file is not None and kept is not None:
        save_run(collection, kept, run_file, how.get("threads"))
    show(evaluation, json)


def _list(names: str | None) -> list[str] | None:
    """Names separated by commas, but not inside parentheses: `A(x=1,y=2),B` is two."""
    if names is None:
        return None
    found, depth = [""], 0
    for character in names:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return [name.strip() for name in found if name.strip()]
