"""`clinometer convert`: a collection as files for other tools."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

from clinometer.cli.expansion import output_option
from clinometer.cli.option_groups import Source, SourceName
from clinometer.errors import UsageError
from clinometer.files import check_folder, expanded

__all__ = ["convert"]


def convert(
    source: SourceName,
    reading: Source,
    output: Annotated[str, output_option("beir:DIR|trec:DIR", "Format and new folder of the files.")],
) -> None:
    """Write a collection in BEIR's layout, or as qrels, topics and documents for TREC's tools.

    Example:
        clinometer convert demo --languages en,de \\
            -o beir:demo-beir
    """
    from clinometer.io.beir import write_beir
    from clinometer.io.trecfolder import write_trec

    writers: dict[str, Callable[..., None]] = {"beir": write_beir, "trec": write_trec}
    layout, _, place = output.partition(":")
    if layout not in writers or not place:
        raise UsageError(f"--output is {output!r}, but must be beir:DIR or trec:DIR")
    folder = expanded(place)
    check_folder(folder, "the files")
    collection = reading.load(source)
    sys.stderr.write(collection.summary() + "\n")
    for notice in collection.notices():
        sys.stderr.write(f"note: {notice}\n")
    writers[layout](collection, folder)
    sys.stderr.write(f"wrote {', '.join(sorted(path.name for path in folder.iterdir()))} to {folder}\n")
