"""`clinometer study`: encoders, collections, remedies and seeds from one file, measured cell by cell, resumable."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from clinometer.cli.expansion import output_option
from clinometer.cli.option_groups import Json, Progress

__all__ = ["study"]


def study(
    file: Annotated[Path, typer.Argument(metavar="STUDY.YAML", help="File that describes the study.")],
    progress: Progress,
    output: Annotated[
        Path | None, output_option("DIR", "Folder of the results; by default named as the file, without its ending.")
    ] = None,
    json: Json = False,
) -> None:
    """Measure encoders on collections, with and without remedies. Run again, it resumes where it stopped.

    Example:
        clinometer study study.yaml -o results/study
    """
    # Imported here so that `--help` comes at once.
    from clinometer.cli.study.definition import read_definition
    from clinometer.cli.study.running import StudyRun, check_study_folder
    from clinometer.files import json_bytes, lock

    definition = read_definition(file)
    folder = file.with_suffix("") if output is None else output
    check_study_folder(folder)
    with lock(folder):
        manifest = StudyRun(definition, folder, bars=progress.bars).run()
    if json:
        sys.stdout.write(json_bytes(manifest).decode())
    else:
        for cell in manifest.cells:
            sys.stdout.write(f"{cell.path}\n")
    count = f"{len(manifest.cells)} of {manifest.planned} cells"
    sys.stderr.write(f"{count} in {folder}; clinometer leaderboard {folder} -o site shows them\n")
    if manifest.failed:
        raise typer.Exit(1)
