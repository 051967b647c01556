"""`clinometer leaderboard`: results of studies, one's own and those of others, as one static page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clinometer.cli.expansion import output_option
from clinometer.cli.option_groups import Json
from clinometer.cli.terminal import show, terminal
from clinometer.errors import FormatError, UsageError

if TYPE_CHECKING:
    from clinometer.report.leaderboard import Contribution

__all__ = ["leaderboard"]

_PAGE, _DATA = "index.html", "leaderboard.json"


def leaderboard(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER...", help="Folders from clinometer study, or from evaluate -o."),
    ],
    output: Annotated[Path | None, output_option("DIR", "Folder of the page, index.html, and its numbers.")] = None,
    json: Json = False,
) -> None:
    """Draw one page of the results of many encoders, sortable, with remedies before and after; without -o, print it.

    Example:
        clinometer leaderboard results/study -o site
    """
    from clinometer.files import json_bytes, written_together, written_whole
    from clinometer.report import require_extra
    from clinometer.report.leaderboard import leaderboard_json, plain_leaderboard, render_leaderboard

    if output is not None:
        require_extra("the leaderboard")
        _check_folder(output)
    contributions = _read(results)
    data = json_bytes(leaderboard_json(contributions)) if json or output is not None else b""
    if output is not None:
        page = render_leaderboard(contributions).encode()
        output.mkdir(parents=True, exist_ok=True)
        with written_together():
            for name, content in ((_DATA, data), (_PAGE, page)):
                with written_whole(output / name) as file:
                    file.write(content)
        sys.stderr.write(f"wrote {_PAGE} and {_DATA} to {output}\n")
    if json:
        sys.stdout.write(data.decode())
    elif output is None:
        show(plain_leaderboard(contributions, terminal()))


def _check_folder(folder: Path) -> None:
    """Refuse a folder with files that are not of a leaderboard."""
    from clinometer.files import PARTIAL, bytes_in, check_folder, refuse_foreign
    from clinometer.report.leaderboard import GENERATOR

    check_folder(folder, "the page")
    if not folder.exists():
        return
    refuse_foreign(folder, _PAGE, lambda name: name in (_PAGE, _DATA) or name.endswith(PARTIAL))
    page = folder / _PAGE
    if page.exists() and f'content="{GENERATOR}"'.encode() not in bytes_in(page):
        raise FormatError(page, None, "this is not a page of clinometer leaderboard; choose a new or empty folder")


def _read(places: list[Path]) -> list[Contribution]:
    """The results of all folders."""
    import msgspec

    from clinometer.evaluation.cells import read_cells
    from clinometer.report.leaderboard import Contribution

    contributions = []
    for place in places:
        for entry in read_cells(place):
            cell = None if entry.cell is None else msgspec.to_builtins(entry.cell)
            study = (entry.study.name, entry.study.by) if entry.study is not None else ("", "")
            try:
                contributions.append(Contribution(entry.content, cell, *study))
            except UsageError as error:
                raise FormatError(entry.path, None, str(error)) from None
    if not contributions:
        names = ", ".join(map(str, places))
        raise UsageError(f"no cell of {names} is finished; run clinometer study again")
    return contributions
