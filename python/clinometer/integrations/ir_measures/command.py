"""The command line of `ir_measures` with our measures: `python -m clinometer.integrations.ir_measures`.

It takes the arguments of `ir_measures` and the languages of documents and queries; everything else is theirs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from clinometer.contents import numbered_lines
from clinometer.errors import ClinometerError, FormatError
from clinometer.integrations.ir_measures import LanguageProvider
from clinometer.io.textfiles import require_file

__all__ = ["main", "read_labels"]

_PROGRAM = "python -m clinometer.integrations.ir_measures"


def read_labels(path: str | Path) -> dict[str, str]:
    """Languages by id, from lines of `id<TAB>label` such as those of `languages.tsv` in a folder for TREC's tools.

    Raises:
        FileNotFoundError: The file does not exist.
        FormatError: A line has another form, or an id has two languages.
    """
    file = require_file(path)
    labels: dict[str, str] = {}
    for number, line in numbered_lines(file):
        try:
            name, label = line.decode().split("\t")
        except ValueError:  # also UnicodeDecodeError
            raise FormatError(file, number, "expected an id, a tab and a language") from None
        if labels.setdefault(name.strip(), label.strip()) != label.strip():
            raise FormatError(file, number, f"{name.strip()!r} has two languages; give each id one")
    return labels


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Args:
        arguments: Arguments of the command; those of the process by default.
    """
    parser = argparse.ArgumentParser(prog=_PROGRAM, add_help=False, allow_abbrev=False)
    parser.add_argument("--languages", metavar="FILE", help="Language of each document: id, tab, label.")
    parser.add_argument("--query-languages", metavar="FILE", help="Language of each query; also of --languages.")
    parser.add_argument("--pivot", metavar="LANGUAGE", default="en", help="Language that the others are compared with.")
    ours, theirs = parser.parse_known_args(arguments)
    if {"-h", "--help"} & set(theirs):
        sys.stdout.write(parser.format_help() + "\nand the arguments of ir_measures:\n\n")
    try:
        if ours.languages is not None:
            _register(ours.languages, ours.query_languages, ours.pivot, theirs)
        elif ours.query_languages is not None:
            parser.error("--query-languages needs --languages, the languages of the documents")
        from ir_measures.__main__ import main_cli

        with _process_arguments([_PROGRAM, *theirs]):
            main_cli()
    except (ClinometerError, FileNotFoundError) as error:
        sys.stderr.write(f"{_PROGRAM}: {error}\n")
        raise SystemExit(2) from None


@contextmanager
def _process_arguments(arguments: list[str]) -> Iterator[None]:
    """The arguments of the process for a while, since ir_measures reads no others."""
    before, sys.argv = sys.argv, arguments
    try:
        yield
    finally:
        sys.argv = before


def _register(documents: str, queries: str | None, pivot: str, theirs: Sequence[str]) -> None:
    """Register the languages; without a file of queries, ids of the judgements' queries are not documents."""
    labels = read_labels(documents)
    if queries is not None:
        query_labels = read_labels(queries)
    else:
        names = _query_ids(documents, theirs)
        query_labels = {name: label for name, label in labels.items() if name in names}
        labels = {name: label for name, label in labels.items() if name not in names}
    LanguageProvider(labels, query_labels, pivot).register()


def _query_ids(labels: str, theirs: Sequence[str]) -> set[str]:
    """Ids of queries: the first column of judgements and results, and of `topics.tsv` next to the labels."""
    files = [Path(argument) for argument in theirs if not argument.startswith("-")][:2]
    return {
        line.split(None, 1)[0].decode(errors="replace")
        for file in (*files, Path(labels).with_name("topics.tsv"))
        if file.is_file()
        for _, line in numbered_lines(file)
    }
