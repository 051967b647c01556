"""Data sets of the Hugging Face Hub in MTEB's layout, through the optional package `datasets`.

Subsets are `corpus`, `queries` and `default` or `qrels`, or these with a language prefix (`de-corpus`); code that a
data set brings is never run. `nlpai-lab/mlaire-xquad` and `nlpai-lab/mlaire-mlqa` are such data sets, whose judgements
name every translation.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from clinometer.collection import Collection
from clinometer.errors import CollectionError, UsageError, first_line, optional_package, shown
from clinometer.files import expanded
from clinometer.io import beir
from clinometer.io.grades import whole_grade
from clinometer.io.ids import Ids
from clinometer.io.retrieval import Assembly, Labeller, group_in_id, group_of
from clinometer.io.rows import Row
from clinometer.languages import canonical, select

__all__ = ["read_hub"]

_LANGUAGE_SUBSET = re.compile(r"([a-z]{2,3}(?:[-_][A-Z][a-z]{3})?)-corpus")


def read_hub(
    name: str,
    *,
    split: str = "test",
    languages: Iterable[str] | None = None,
    revision: str | None = None,
    language: str | None = None,
    parallel: bool = False,
    allow_missing: bool = False,
) -> Collection:
    """A test collection of the Hugging Face Hub, or of a folder that `datasets.load_dataset` or `read_beir` reads.

    Rows have the columns of BEIR (`_id` or `id`, `title`, `text`; `query-id`, `corpus-id`, `score`), and `language` or
    `lang`. With a subset for each language the ids get a language prefix (`de:12`), and only the subsets of the
    requested languages are loaded. A judgement there of a document that is not in the corpus of its language is one of
    the documents of that id in other languages. Subsets for pairs of languages are not read.

    Args:
        name: Name on the Hub, or path of a folder: a copy of a data set, or BEIR's layout as `write_beir` writes it.
        split: Split of the judgements; texts come from the split of this name, or from the only one.
        languages: Labels of the languages to keep, None for all.
        revision: Commit, tag or branch; the newest if None.
        language: Label of the rows that state none, as in `read_beir`.
        parallel: Whether an id has the same content in all languages. If so it is the parallel group, and a document
            relevant in one language is relevant in all. With one corpus for all languages, ids begin with the language
            (`en_12`), the rest is the group, and judgements stay as they are. The data cannot tell, so the default is
            off.
        allow_missing: Whether to leave out, and count, judgements of missing texts.

    Returns:
        A collection with the last part of the name. Notes count ids that were numbers and were read as strings.

    Raises:
        MissingExtraError: The package `datasets` is not installed.
        CollectionError: The data set cannot be reached or has another layout, or judgements name missing texts.
        FormatError: A row lacks a column or a language.
        LanguageError: A requested language is missing.
    """
    folder = expanded(name)
    if folder.is_dir() and (folder / "qrels").is_dir():
        if parallel or revision is not None:
            raise UsageError(f"{name} is a folder in BEIR's layout; leave the options parallel and revision out")
        return beir.read_beir(folder, split=split, language=language, languages=languages, allow_missing=allow_missing)
    source = _Source(str(folder) if name.startswith("~") else name, split, revision)
    available = source.subsets()
    prefixes: dict[str, str] = {}
    for item in available:
        if match := _LANGUAGE_SUBSET.fullmatch(item):
            label = canonical(match[1])
            if label in prefixes:
                raise CollectionError(
                    f"{source} has subsets for {label} under two names: {prefixes[label]} and {match[1]}"
                )
            prefixes[label] = match[1]
    if "corpus" in available:
        subsets_of_all = _subsets("", available, source)
        return _read_together(source, subsets_of_all, Labeller(language), languages, allow_missing, parallel)
    if not prefixes:
        raise CollectionError(
            f"{source} has neither a subset 'corpus' nor one such as 'de-corpus'; "
            f"it has {', '.join(available) or 'none'}"
        )
    if language is not None:
        raise UsageError(f"{source} has a subset for each language, so leave the option language out")
    labels = set(select(languages, list(prefixes), str(source)))
    subsets = {
        label: _subsets(f"{prefix}-", available, source) for label, prefix in prefixes.items() if label in labels
    }
    unread_subsets = [item for item in available if item.endswith("-corpus") and not _LANGUAGE_SUBSET.fullmatch(item)]
    return _read_by_language(
        source, subsets, parallel, allow_missing, {"subsets_not_read": unread_subsets} if unread_subsets else {}
    )


class _Subsets(NamedTuple):
    corpus: str
    queries: str
    judgements: str


def _subsets(prefix: str, available: list[str], source: _Source) -> _Subsets:
    judgements = next((name for name in (f"{prefix}qrels", f"{prefix}default") if name in available), None)
    if judgements is None or f"{prefix}queries" not in available:
        raise CollectionError(
            f"{source} has the subset '{prefix}corpus' but not '{prefix}queries' and '{prefix}qrels'; "
            f"it has {', '.join(available)}"
        )
    return _Subsets(f"{prefix}corpus", f"{prefix}queries", judgements)


def _read_together(
    source: _Source,
    subsets: _Subsets,
    labels: Labeller,
    languages: Iterable[str] | None,
    allow_missing: bool,
    parallel: bool,
) -> Collection:
    assembly = Assembly(source.title, languages, allow_missing)
    for query_id, document_id, grade, row in source.judgements(subsets.judgements):
        assembly.judge(query_id, document_id, grade, row)
    for subset, add in ((subsets.queries, assembly.add_query), (subsets.corpus, assembly.add_document)):
        for name, row in source.texts(subset):
            label = labels.label(name, row)
            group = group_in_id(name, label) if parallel else group_of(row)
            if parallel and group is None:
                raise row.error(
                    f"the id {shown(name)} does not begin with its language, such as '{label}_12', so it is not "
                    "parallel by id; leave the option parallel out"
                )
            add(name, row, label, group)
    notes = source.notes(labels.found_by)
    return assembly.build(str(source), {**notes, "parallel_by_id": True} if parallel else notes)


def _read_by_language(
    source: _Source, subsets: dict[str, _Subsets], parallel: bool, allow_missing: bool, notes: dict[str, object]
) -> Collection:
    assembly = Assembly(source.title, None, allow_missing)
    judgements = {label: list(source.judgements(names.judgements)) for label, names in subsets.items()}
    judged_ids = {document_id for rows in judgements.values() for _, document_id, _, _ in rows}
    found_by: Counter[str] = Counter()
    judged_in: dict[str, set[str]] = {}
    for label, names in subsets.items():
        judged_in[label] = set()
        for name, row in source.texts(names.corpus):
            if name in judged_ids:
                judged_in[label].add(name)
            assembly.add_document(f"{label}:{name}", row, label, name if parallel else None)
            found_by["subset"] += 1
    for label, rows in judgements.items():
        for query_id, document_id, grade, row in rows:
            holders = {other for other, ids in judged_in.items() if document_id in ids}
            # A document of other languages only if it is not in the corpus of this one.
            own = {label} if label in holders or not holders else holders
            targets = {label, *holders} if parallel else own
            for document_language in judged_in:
                if document_language in targets:
                    assembly.judge(f"{label}:{query_id}", f"{document_language}:{document_id}", grade, row)
    for label, names in subsets.items():
        for name, row in source.texts(names.queries):
            assembly.add_query(f"{label}:{name}", row, label, name if parallel else None)
            found_by["subset"] += 1
    return assembly.build(str(source), {**source.notes(found_by), "parallel_by_id": parallel, **notes})


class _Source:
    """A data set by name; every call of `datasets` goes through here, so that its errors become one sentence."""

    def __init__(self, name: str, split: str, revision: str | None) -> None:
        if Path(name).is_dir() and revision is not None:
            raise UsageError(f"revision is {revision!r}, but {name} is a local folder; leave the revision out")
        self._datasets = optional_package("datasets", "reading a data set of the Hugging Face Hub", "hub")
        self._name, self._split, self._revision = name, split, revision
        self.ids = Ids()

    def __str__(self) -> str:
        return f"hub:{self._name}"

    @property
    def title(self) -> str:
        return Path(self._name).resolve().name if Path(self._name).is_dir() else self._name.rpartition("/")[2]

    def subsets(self) -> list[str]:
        return list(self._call("get_dataset_config_names", self._name))

    def texts(self, subset: str) -> Iterator[tuple[str, Row]]:
        """Id and row of each query or document."""
        splits = self._splits(subset)
        if self._split not in splits and len(splits) != 1:
            raise self._no_split(subset, splits)
        for row in self._rows(subset, self._split if self._split in splits else splits[0]):
            yield self.ids.of(row, "_id" if "_id" in row.fields else "id", subset), row

    def judgements(self, subset: str) -> Iterator[tuple[str, str, int, Row]]:
        """Query id, document id, grade and row of each judgement."""
        splits = self._splits(subset)
        if self._split not in splits:
            raise self._no_split(subset, splits)
        for row in self._rows(subset, self._split):
            if row.fields.get("score") is None:
                row.field("score", int)
            query, document = self.ids.of(row, "query-id", subset), self.ids.of(row, "corpus-id", subset)
            yield query, document, whole_grade(row.fields["score"], row), row

    def notes(self, found_by: Counter[str]) -> dict[str, object]:
        """Notes of the collection about its source."""
        notes: dict[str, object] = {"split": self._split, "languages_found_by": dict(found_by)}
        if self._revision is not None:
            notes["revision"] = self._revision
        return {**notes, **self.ids.notes()}

    def _splits(self, subset: str) -> list[str]:
        return list(self._call("get_dataset_split_names", self._name, config_name=subset))

    def _no_split(self, subset: str, splits: list[str]) -> CollectionError:
        return CollectionError(
            f"{self}: subset '{subset}' has no split {self._split!r}; "
            f"give the option split with one of {', '.join(splits)}"
        )

    def _rows(self, subset: str, split: str) -> Iterator[Row]:
        rows = self._call("load_dataset", self._name, subset, split=split)
        for number, fields in enumerate(rows, start=1):
            yield Row(dict(fields), f"{self}/{subset}", number)

    def _call(self, function: str, *args: str, **options: str) -> Any:
        try:
            return getattr(self._datasets, function)(*args, revision=self._revision, **options)
        except Exception as error:  # `datasets` raises many types
            raise CollectionError(
                f"{self} could not be read ({first_line(error)}); "
                "check the name and the network, or download it and give its folder"
            ) from error
