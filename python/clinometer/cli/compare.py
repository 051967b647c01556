"""`clinometer compare`: results before and after, query by query, with tests that are corrected for their number."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from clinometer.cli.evaluate import _list
from clinometer.cli.output import check_folder, tell_figures
from clinometer.errors import UsageError
from clinometer.evaluation.results import Evaluation

__all__ = ["compare"]


def compare(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="BEFORE AFTER...", help="Folders that `clinometer evaluate -o` wrote, that before first."
        ),
    ],
    measures: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Only these; by default all that the results have.")
    ] = None,
    scenarios: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Only these; by default all that the results have.")
    ] = None,
    trained: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="Languages that were trained on: means over these, and over the unseen ones (all other targets).",
        ),
    ] = None,
    correction: Annotated[
        str, typer.Option(metavar="holm|bh|none", help="Of p-values, for the number of tests.")
    ] = "holm",
    resamples: Annotated[
        int, typer.Option(metavar="N", min=1, help="Of the bootstrap and of the test, each.")
    ] = 10_000,
    confidence: Annotated[float, typer.Option(metavar="P", help="Of the intervals.")] = 0.95,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of the resampling.")] = 0,
    threads: Annotated[int | None, typer.Option(metavar="N", min=1, help="How many; never changes a result.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Print every row, not only the main measures.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON instead of tables.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="A page (.html), .md or .json.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for every figure, as SVG and PNG.")
    ] = None,
) -> None:
    """Compare results query by query: what changed, how surely, and whether a language was harmed."""
    # Imported here so that `--help` and complaints about options come at once.
    from clinometer.comparison import compare as run
    from clinometer.report import require_extra
    from clinometer.report.comparison import check_ending, draw_figures, plain_comparison, write_comparison

    if len(results) < 2:
        raise UsageError("one result has nothing to be compared with; give one before and at least one after")
    if output is not None:
        check_ending(output)
        if output.suffix.lower() in (".html", ".htm"):
            require_extra()
    if figures is not None:
        check_folder(figures)
    folders = [path if path.is_dir() or path.name != "results.json" else path.parent for path in results]
    if files := [path for path in folders if path.is_file()]:
        raise UsageError(f"{files[0]} is a file; give the folder that clinometer evaluate -o wrote")
    found = [Evaluation.from_folder(folder) for folder in folders]
    groups: dict[str, list[str]] = {}
    if trained is not None:
        from clinometer.languages import canonical

        seen = [canonical(label) for label in _list(trained) or []]
        pivot, languages = found[0].settings.get("pivot", "en"), found[0].collection.get("languages") or []
        groups["trained"] = seen
        if unseen := [label for label in languages if label not in (*seen, pivot)]:
            groups["unseen"] = unseen
    comparison = run(
        *found,
        measures=_list(measures),
        scenarios=_list(scenarios),
        groups=groups,
        resamples=resamples,
        confidence=confidence,
        correction=correction,
        seed=seed,
        threads=threads,
        labels=_labels(found, folders),
    )
    for notice in comparison.notices:
        sys.stderr.write(f"note: {notice}\n")
    if output is not None:
        write_comparison(comparison, output)
        sys.stderr.write(f"wrote {output}\n")
    if figures is not None:
        tell_figures(draw_figures(comparison, figures))
    sys.stdout.write(comparison.to_json() if json else plain_comparison(comparison, everything=everything) + "\n")


def _labels(found: list[Evaluation], folders: list[Path]) -> list[str] | None:
    """The folders' names, where they tell results apart that the encoders' names do not."""
    encoders = {str(evaluation.encoder.get("name")) for evaluation in found}
    names = [folder.resolve().name for folder in folders]
    return names if len(encoders) < len(found) and len(set(names)) == len(names) else None
