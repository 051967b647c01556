"""`clinometer evaluate` with several encoders: a folder for each, a report of all, a comparison with the first."""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial, wraps
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, get_args

from clinometer.cli.argument_names import option_names
from clinometer.cli.expansion import at_home, built, with_parameters
from clinometer.errors import UsageError

__all__ = ["folder_names", "with_several_encoders"]

_ONE_RESULT = ("json", "figures", "run_file", "documents", "queries", "run", "scores")
"""Parameters of the options that are for one result."""
_OF_EMBEDDINGS = ("adapter", "correction", "expand", "feedback")
"""Parameters of the options that need embeddings."""


def with_several_encoders(command: Callable[..., None], name: str) -> Callable[..., None]:
    """The command with an option `--encoder` that may be repeated; `evaluate` is called once for each.

    Of any other command the option would otherwise silently be the last one.
    """
    signature = inspect.signature(command)
    parameter = signature.parameters["encoder"]
    _, info = get_args(parameter.annotation)
    repeated = parameter.replace(annotation=Annotated[list[str] | None, info], default=None)

    @wraps(command)
    def run(**values: Any) -> None:
        encoders = values.pop("encoder", None) or []
        if len(encoders) > 1 and name != "evaluate":
            raise UsageError(
                f"{name} takes one encoder, but {len(encoders)} are given; only clinometer evaluate takes several"
            )
        if len(encoders) > 1:
            _run_all(command, encoders, values)
        else:
            command(**values, encoder=encoders[0] if encoders else None)

    parameters = [repeated if part is parameter else part for part in signature.parameters.values()]
    return with_parameters(run, parameters)


def folder_names(encoders: list[str]) -> list[str]:
    """A folder name for each encoder: the last part of its name.

    Raises:
        UsageError: Two are the same.

    Example:
        >>> folder_names(["offline", "intfloat/multilingual-e5-small", "bm25"])
        ['offline', 'multilingual-e5-small', 'bm25']
    """
    names = [re.sub(r"[^A-Za-z0-9._+-]+", "-", PurePosixPath(name.rstrip("/")).name) or "encoder" for name in encoders]
    if twice := [name for name in names if [other.lower() for other in names].count(name.lower()) > 1]:
        raise UsageError(
            f"two encoders would have the folder {twice[0]}; evaluate each with its own -o, then use clinometer compare"
        )
    return names


def _run_all(command: Callable[..., None], encoders: list[str], values: dict[str, Any]) -> None:
    names = option_names(command)
    if unused := [names[name] for name in _ONE_RESULT if values.get(name)]:
        raise UsageError(f"{', '.join(unused)} is for one encoder, but {len(encoders)} are given; leave it out")
    if values.get("output") is None:
        raise UsageError(f"{len(encoders)} encoders need -o DIR, in which each has a folder")
    folder = at_home(values["output"])
    folders = [folder / name for name in folder_names(encoders)]
    _check_all(encoders, values, [names[name] for name in _OF_EMBEDDINGS if values.get(name) is not None])
    if (folder / "results.json").exists():
        raise UsageError(
            f"{folder} holds the results of one encoder, whose report that of {len(encoders)} would replace; choose "
            "another folder"
        )
    # Each has its finding in its folder; what is printed is about all.
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        for encoder, place in zip(encoders, folders, strict=True):
            sys.stderr.write(f"{encoder}:\n")
            with redirect_stdout(nowhere):
                command(**(values | {"output": place}), encoder=encoder)
    _compare(folder, folders, verbose=bool(values.get("verbose")), threads=values.get("threads"))


def _check_all(encoders: list[str], values: dict[str, Any], of_embeddings: list[str]) -> None:
    """Refuse, before the first is evaluated, what can be known to fail when the turn of another comes."""
    from clinometer.cli.encoder_options import EncoderOptions
    from clinometer.scorers.factory import check_scorer

    for encoder in encoders:
        if encoder == "precomputed":
            raise UsageError(
                "--encoder precomputed is for one encoder; evaluate its arrays with an -o of their own, then use "
                "clinometer compare"
            )
        if of_embeddings and encoder.partition(":")[0] == "bm25":
            raise UsageError(f"{', '.join(of_embeddings)}: {encoder} has no embeddings; evaluate it with its own -o")
        options = built(EncoderOptions, {**values, "encoder": encoder})
        check_scorer(options.name, **options.arguments())


def _compare(folder: Path, folders: list[Path], *, verbose: bool, threads: int | None) -> None:
    """Write the report of all, and the comparison with the first, and print the table."""
    from clinometer.cli.output import report_of, tell_files, write_pages
    from clinometer.cli.terminal import show, terminal
    from clinometer.comparison import compare
    from clinometer.evaluation.results import Evaluation
    from clinometer.files import written_together
    from clinometer.report import plain_report, write_report
    from clinometer.report.comparison import write_comparison

    evaluations = [Evaluation.from_folder(place) for place in folders]
    reports = [evaluation.for_report() for evaluation in evaluations]
    comparison = compare(*evaluations, labels=[place.name for place in folders], threads=threads)
    with written_together():
        write_report(reports, folder / "report.md")
        write_comparison(comparison, folder / "comparison.md")
        write_comparison(comparison, folder / "comparison.json")
        pages, note = write_pages(
            folder,
            {"report.html": partial(write_report, reports), "comparison.html": partial(write_comparison, comparison)},
        )
    tell_files(["report.md", "comparison.md", "comparison.json", *pages], folder, note)
    show(plain_report(reports, terminal(), verbose=verbose) + "\n")
    page = folder / ("comparison.html" if pages else "comparison.md")
    sys.stdout.write(f"Comparison: {page}\n{report_of(folder)}\n")
