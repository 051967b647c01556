"""`clinometer compare`: results before and after, query by query, with p-values corrected for the number of tests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clinometer.cli.config import options_of_file
from clinometer.cli.earlier import Force, identity, refuse_other, refuse_other_page
from clinometer.cli.expansion import option, output_option
from clinometer.cli.forms import Form, form_of, printed_form
from clinometer.cli.option_groups import Figures, Json, Progress, Resampling, Selection, Threads, split_names
from clinometer.cli.output import check_folder, tell_figures
from clinometer.cli.terminal import Verbose, show, terminal
from clinometer.errors import UsageError
from clinometer.files import check_target

if TYPE_CHECKING:
    from clinometer.evaluation.results import Evaluation

__all__ = ["compare"]

_RESAMPLING = Resampling(resamples=10_000)


def compare(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="BEFORE AFTER...", help="Folders from clinometer evaluate -o, the baseline first."),
    ],
    selection: Selection,
    progress: Progress,
    resampling: Resampling = _RESAMPLING,
    correction: Annotated[
        str, option("holm|bh|none", "Correction of p-values for the number of tests.", panel="Intervals")
    ] = "holm",
    threads: Threads = None,
    trained: Annotated[
        str | None,
        option(
            "A,B,...",
            "Languages of the training, for separate means over these and over all other targets.",
            panel="Scenarios and measures",
        ),
    ] = None,
    everything: Annotated[bool, option(None, "All rows, not only the main measures.", "--all", panel="Output")] = False,
    verbose: Verbose = False,
    form: Form = None,
    json: Json = False,
    output: Annotated[
        Path | None, output_option("FILE", "File for the page (.html), or .md, .json, .xml (JUnit) or .txt.")
    ] = None,
    figures: Figures = None,
    force: Force = False,
) -> None:
    """Compare results query by query: what changed, how certain that is, and whether a language was harmed.

    All scenarios and measures of the results are compared, unless some are chosen.

    Example:
        clinometer compare results/before results/after \\
            --trained de,zh -o comparison.html
    """
    # Imported here so that `--help` and errors in options come at once.
    from clinometer.comparison import compare as run
    from clinometer.comparison.summary import markdown_summary, outcome
    from clinometer.evaluation.results import Evaluation
    from clinometer.files import written_whole
    from clinometer.report import require_extra
    from clinometer.report.comparison import draw_figures, opening, plain_comparison, write_comparison

    printed = printed_form(form, json=json)
    if len(results) < 2:
        raise UsageError("only one result to compare; give one before and at least one after")
    brief = output is not None and form_of(output) in ("junit", "text")
    if output is not None:
        if output.suffix.lower() not in (".html", ".htm") and form_of(output) is None:
            raise UsageError(
                f"{output.name}: a comparison is HTML, Markdown, JSON, JUnit or text; use a name that ends in .html, "
                ".md, .json, .xml or .txt"
            )
        if output.suffix.lower() in (".html", ".htm"):
            require_extra()
        check_target(output)
    if figures is not None:
        check_folder(figures, figures=True)
    folders = [path if path.is_dir() or path.name != "results.json" else path.parent for path in results]
    if files := [path for path in folders if path.is_file()]:
        raise UsageError(f"{files[0]} is a file; give a folder from clinometer evaluate -o")
    evaluations = [Evaluation.from_folder(folder) for folder in folders]
    groups: dict[str, list[str]] = {}
    if trained is not None:
        from clinometer.languages import canonical

        seen = [canonical(label) for label in split_names(trained) or []]
        pivot, languages = evaluations[0].settings.get("pivot", "en"), evaluations[0].collection.get("languages") or []
        groups["trained"] = seen
        if unseen := [label for label in languages if label not in (*seen, pivot)]:
            groups["unseen"] = unseen
    comparison = run(
        *evaluations,
        measures=split_names(selection.measures),
        scenarios=split_names(selection.scenarios),
        groups=groups,
        correction=correction,
        threads=threads,
        **asdict(resampling),
        labels=_labels(evaluations, folders),
        show_progress_bar=progress.bars,
    )
    comparison.settings.update(options_of_file())
    for notice in comparison.notices:
        sys.stderr.write(f"note: {notice}\n")
    forms: dict[str, Callable[[], str]] = {
        "text": lambda: plain_comparison(comparison, verbose=True, everything=everything) + "\n",
        "markdown": lambda: markdown_summary(comparison, everything=everything),
        "junit": lambda: outcome(comparison, everything=everything).to_junit(),
        "json": comparison.to_json,
    }
    if output is not None:
        if output.suffix.lower() == ".json":
            identities = [identity(record, comparison.collection) for record in comparison.encoders]
            refuse_other(output, *identities, force=force)
        else:
            refuse_other_page(output, opening(comparison), force=force)
        if brief:
            output.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(output) as file:
                file.write(forms[str(form_of(output))]().encode())
        else:
            write_comparison(comparison, output)
        sys.stderr.write(f"wrote {output}\n")
    if figures is not None:
        tell_figures(draw_figures(comparison, figures))
    if form is not None or json:
        sys.stdout.write(forms[printed]())
        return
    show(plain_comparison(comparison, terminal(), verbose=verbose, everything=everything) + "\n")
    sys.stdout.write(f"Report: {output}\n" if output is not None else "-o FILE.html writes the comparison as a page.\n")


def _labels(evaluations: list[Evaluation], folders: list[Path]) -> list[str] | None:
    """Names of the folders, if they distinguish results with equal names of encoders."""
    encoders = {str(evaluation.encoder.get("name")) for evaluation in evaluations}
    names = [folder.resolve().name for folder in folders]
    return names if len(encoders) < len(evaluations) and len(set(names)) == len(names) else None
