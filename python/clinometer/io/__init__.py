"""Readers of test collections, and `load`, which picks the reader by the first word of a source.

The collection's notes say what a reader removed, left out or took from an option; nothing is fixed silently.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from clinometer.collection import Collection
from clinometer.errors import UsageError
from clinometer.files import expanded
from clinometer.files.packed import bare_name
from clinometer.parameters import checked, refuse_unknown_options
from clinometer.suggestions import close_names, question

__all__ = ["FORMS", "load"]

FORMS = {
    "demo": "demo",
    "xquad": "xquad:DIR",
    "belebele": "belebele:DIR",
    "beir": "beir:DIR",
    "trec": "trec:DIR",
    "parallel": "parallel:FILE[,FILE...]",
    "mlir": "mlir:DIR",
    "irds": "irds:NAME[,NAME...]",
    "hub": "hub:NAME",
}
"""How a source of each kind is written."""

# `clinometer.io.trec` has the formats of single files.
_MODULES = {"trec": "trecfolder"}


@checked
def load(source: str | Path, *, languages: Iterable[str] | None = None, **options: Any) -> Collection:
    """Read a test collection.

    Args:
        source: `demo`, `xquad:DIR`, `belebele:DIR`, `beir:DIR`, `trec:DIR`, `parallel:FILE[,FILE...]`, `mlir:DIR`,
            `irds:NAME[,NAME...]` or `hub:NAME`. In paths `~` is the home folder.
        languages: Labels of the languages to read, None for all. Texts keep the order of the source.
        **options: Options of the reader: `unit` (xquad); `split` (beir, hub); `language`, `allow_missing` (beir, hub,
            trec); `revision`, `parallel` (hub); `query_language`, `allow_missing` (mlir); `language`, `query_language`,
            `query_field`, `parallel`, `judged_only`, `allow_missing` (irds).

    Raises:
        UsageError: The source has none of these forms, or the reader does not know an option.
        FileNotFoundError: A file or folder does not exist.
        LanguageError: A requested language is not in the source.
        FormatError: A file is broken.
        CollectionError: Texts and judgements do not fit together.

    Example:
        >>> load("xquad", unit="row")
        Traceback (most recent call last):
        clinometer.errors.UsageError: 'xquad' needs a path or name after the colon; write xquad:DIR
    """
    kind, _, place = str(source).partition(":")
    if kind not in FORMS:
        raise UsageError(
            f"unknown source {str(source)!r}; expected {', '.join(list(FORMS.values())[:-1])} or {FORMS['hub']}"
            + _meant(str(source), kind, place)
        )
    if (kind == "demo") == bool(place):
        problem = "takes nothing after its name" if place else "needs a path or name after the colon"
        raise UsageError(f"{kind!r} {problem}; write {FORMS[kind]}")
    reader: Callable[..., Collection] = getattr(
        import_module(f"clinometer.io.{_MODULES.get(kind, kind)}"), f"read_{kind}"
    )
    parameters = inspect.signature(reader).parameters.values()
    known = [item.name for item in parameters if item.kind is item.KEYWORD_ONLY and item.name != "languages"]
    refuse_unknown_options(options, known, kind)
    if kind == "demo":
        return reader(languages=languages, **options)
    return reader(place.split(",") if kind in ("parallel", "irds") else place, languages=languages, **options)


def _meant(source: str, kind: str, place: str) -> str:
    """The end of the message on an unknown source: a form like its own, or the form of a folder that lacks one."""
    if near := close_names(kind, FORMS, most=1):
        return question([f"{near[0]}:{place}" if place else FORMS[near[0]]])
    path = expanded(source)
    try:
        if path.is_file():
            return question([f"parallel:{source}"])
        names = {bare_name(entry.name) for entry in path.iterdir()}
    except (OSError, ValueError):  # no folder, none that may be read, or a name that none can have
        return ""
    forms = {"beir": "corpus.jsonl", "trec": "topics.tsv"}
    return question([f"{form}:{source}" for form, name in forms.items() if name in names][:1])
