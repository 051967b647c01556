"""The definition of a study: encoders, collections, remedies and seeds from a YAML file, and the cells they make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any

from clinometer.analysis.form import AS_IT_IS
from clinometer.cli.correct import Fitting
from clinometer.cli.encoder_options import EncoderOptions, Remedy
from clinometer.cli.entries import Entry, group_keys
from clinometer.cli.evaluate import Measured
from clinometer.cli.option_groups import Execution, Resampling, Source, Storage
from clinometer.cli.yaml_file import read_yaml

__all__ = [
    "KEYS",
    "Cell",
    "CollectionEntry",
    "EncoderEntry",
    "RemedyEntry",
    "StudyDefinition",
    "read_definition",
]

_MEASURED = ("scenarios", "measures", "pivot", "pairs", "ties", "similarity", "exclude_own_id", "query_set")
_FITTED = (
    "method", "strength", "query_strength", "components", "directions", "shrinkage", "centre", "scale", "pivot",
    "queries_by", "sample", "turn", "turn_sample",
)  # fmt: skip
# An option that no cell heeds has no key, so that a new one of a command is unknown here until it is heeded.
# Expansion, feedback and what comes first of a language are remedies here, which are measured next to none.
MEASURED_APART = tuple(part.name for part in fields(Measured) if part.name not in _MEASURED)
FITTED_APART = tuple(part.name for part in fields(Fitting) if part.name not in _FITTED)


_NAMED = ("TEXT", "Name in paths and on pages; by default from the next key.")
_NOTE = ("TEXT", "Free words, which are shown with the results.")
_SIDES = "FILE|{COLLECTION: FILE}"

KEYS: tuple[tuple[str, str, Mapping[str, tuple[str, str]]], ...] = (
    ("The study", "The keys of the file itself.", {
        "name": ("TEXT", "Name of the study; by default that of the file."),
        "by": ("TEXT", "Who contributes the results."),
        "encoders": ("list", "Encoders, and other scorers: `bm25`."),
        "collections": ("list", "Collections."),
        "remedies": ("list", f"Remedies besides `{AS_IT_IS}`, the encoder as it is, which is always measured."),
        "seeds": ("list of N", "Seeds of the samples that corrections are fitted on; 0 by default."),
        "evaluate": ("mapping", "How it is measured."),
        "store": ("mapping", "How embeddings are stored."),
    }),
    ("encoders", "Each item has these keys.", {
        **group_keys(EncoderOptions),
        "name": _NAMED,
        "similarity": ("cosine|dot", "Similarity of the embeddings, if the model does not state it."),
        "queries": (_SIDES, "Embeddings of all queries, .npy, for `encoder: precomputed`."),
        "documents": (_SIDES, "Embeddings of all documents, likewise."),
        "note": _NOTE,
    }),
    ("collections", "Each item has these keys.", {
        "source": ("SOURCE", "Collection, as for `clinometer evaluate`."),
        **group_keys(Source),
        "name": _NAMED,
        "pool": ("list of STEP", "Changes of the pool, such as `skew(en=0.9)`."),
        "note": _NOTE,
    }),
    ("remedies", "Each item has these keys. With `method` or another option of `clinometer correct`, a correction is "
     "fitted on each collection's own texts; `seed` is `seeds` here.", {
        "name": ("TEXT", "Name in paths and on pages."),
        "encoders": ("list", "Names of the encoders that it is for; all by default."),
        **group_keys(Remedy),
        **group_keys(Fitting, without=FITTED_APART),
        "expand": group_keys(Measured)["expand"],
        "feedback": group_keys(Measured)["feedback"],
        "own-first": group_keys(Measured)["own-first"],
        "note": _NOTE,
    }),
    ("evaluate", "How every cell is measured.", {
        **group_keys(Measured, without=MEASURED_APART), **group_keys(Resampling), **group_keys(Execution),
    }),
    ("store", "How embeddings are stored.", group_keys(Storage)),
)  # fmt: skip
"""Every key of the file: heading, sentence, and for each key its value and meaning."""


@dataclass(frozen=True)
class EncoderEntry:
    """An encoder, or another scorer, of a study."""

    name: str
    options: EncoderOptions
    similarity: str | None = None
    queries: dict[str, str] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def scores_only(self) -> bool:
        """Whether it yields no embeddings that could be stored or straightened."""
        return self.options.name.partition(":")[0] == "bm25"

    def array(self, side: str, collection: str) -> str:
        """The file of its embeddings of one side of a collection; empty without one."""
        files = self.queries if side == "queries" else self.documents
        return files.get(collection) or files.get("", "")


@dataclass(frozen=True)
class CollectionEntry:
    """A collection of a study."""

    name: str
    source: str
    reading: Source
    pool: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class RemedyEntry:
    """A remedy of a study: files, a correction fitted on each collection's own texts, and what follows it."""

    name: str
    files: Remedy = field(default_factory=Remedy)
    fitting: Fitting | None = None
    expand: float | None = None
    feedback: float | None = None
    own_first: bool = False
    encoders: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, eq=False)
class Cell:
    """One evaluation: an encoder on a collection, with a remedy, and the seed of its sample if it draws one."""

    encoder: EncoderEntry
    collection: CollectionEntry
    remedy: RemedyEntry
    seed: int | None

    @property
    def path(self) -> PurePosixPath:
        """Its folder in that of the study."""
        path = PurePosixPath("results") / self.encoder.name / self.collection.name / self.remedy.name
        return path if self.seed is None else path / f"seed-{self.seed}"

    @property
    def label(self) -> str:
        """Its name in messages."""
        seed = () if self.seed is None else (f"seed {self.seed}",)
        return " · ".join((self.encoder.name, self.collection.name, self.remedy.name, *seed))


@dataclass(frozen=True)
class StudyDefinition:
    """A study as its file says it."""

    name: str
    by: str
    encoders: tuple[EncoderEntry, ...]
    collections: tuple[CollectionEntry, ...]
    remedies: tuple[RemedyEntry, ...]
    seeds: tuple[int, ...]
    measured: Measured
    resampling: Resampling
    execution: Execution
    storage: Storage
    content: Any

    def cells(self) -> Iterator[Cell]:
        """Every cell; those that share stored embeddings follow each other."""
        for encoder in self.encoders:
            for collection in self.collections:
                for remedy in self.remedies:
                    if not self.applies(remedy, encoder):
                        continue
                    for seed in self.seeds if remedy.fitting is not None else (None,):
                        yield Cell(encoder, collection, remedy, seed)

    def applies(self, remedy: RemedyEntry, encoder: EncoderEntry) -> bool:
        """Whether a remedy is for an encoder; without embeddings there is nothing to straighten."""
        if remedy.name == AS_IT_IS:
            return True
        return not encoder.scores_only and (not remedy.encoders or encoder.name in remedy.encoders)


def read_definition(path: Path) -> StudyDefinition:
    """Read the file of a study.

    Raises:
        FormatError: It is not such a file, or says what cannot be; the line is named.
        MissingExtraError: PyYAML is not installed.
        FileNotFoundError: The file does not exist.
    """
    node = read_yaml(path)
    study = Entry(path, node, "a study")
    name = study.name(path.stem)
    by = study.text("by") or ""
    encoders = tuple(_encoder(entry) for entry in study.entries("encoders", "an encoder"))
    collections = tuple(_collection(entry) for entry in study.entries("collections", "a collection"))
    remedies = study.entries("remedies", "a remedy")
    seeds = _seeds(study)
    evaluate = study.entry("evaluate", "evaluate")
    measured = evaluate.group(Measured, without=MEASURED_APART)
    resampling, execution = evaluate.group(Resampling), evaluate.group(Execution)
    evaluate.finish()
    store = study.entry("store", "store")
    storage = store.group(Storage)
    store.finish()
    study.finish()
    for kind, items in (("encoders", encoders), ("collections", collections)):
        if not items:
            study.fail(f"the study has no {kind}; list them under {kind}:, each after a dash")
    names = [encoder.name for encoder in encoders]
    read = (RemedyEntry(AS_IT_IS), *(_remedy(entry, names) for entry in remedies))
    _refuse_repeated(study, "encoders", "encoder", names)
    _refuse_repeated(study, "collections", "collection", [collection.name for collection in collections])
    _refuse_repeated(study, "remedies", "remedy", [remedy.name for remedy in read])
    _check_values(study, measured, resampling)
    return StudyDefinition(
        name, by, encoders, collections, read, seeds, measured, resampling, execution, storage, node.plain()
    )


def _encoder(entry: Entry) -> EncoderEntry:
    encoder = entry.required("encoder", "give offline, a model, a URL, bm25 or precomputed")
    name = entry.name(PurePosixPath(encoder.rstrip("/")).name.partition(":")[0])
    similarity, note = entry.text("similarity"), entry.text("note") or ""
    queries, documents = entry.by_name("queries"), entry.by_name("documents")
    options = entry.group(EncoderOptions)
    entry.finish()
    arrays = encoder == "precomputed"
    if arrays != bool(queries) or arrays != bool(documents):
        entry.fail(
            "precomputed needs queries and documents, a .npy file for each collection by its name"
            if arrays
            else "queries and documents are for encoder: precomputed"
        )
    return EncoderEntry(name, options, similarity, queries, documents, note)


def _collection(entry: Entry) -> CollectionEntry:
    source = entry.required("source", "give demo, xquad:DIR or another one that clinometer evaluate takes")
    name = entry.name(source.partition(":")[0])
    pool, note = entry.texts("pool") or [], entry.text("note") or ""
    reading = entry.group(Source)
    entry.finish()
    from clinometer.errors import ClinometerError
    from clinometer.pools import parse

    try:
        parse(pool)
    except ClinometerError as error:
        entry.fail(error)
    return CollectionEntry(name, source, reading, tuple(pool), note)


def _remedy(entry: Entry, encoders: Sequence[str]) -> RemedyEntry:
    from clinometer.correction import check_options
    from clinometer.correction.expansion import check_expansion_weight
    from clinometer.correction.feedback import check_weight
    from clinometer.errors import ClinometerError, shown

    name = entry.name("")
    only, note = entry.texts("encoders") or [], entry.text("note") or ""
    files = entry.group(Remedy)
    fitting = entry.group(Fitting, without=FITTED_APART)
    expand, feedback = entry.number("expand"), entry.number("feedback")
    own_first = entry.flag("own-first")
    entry.finish()
    if unknown := [label for label in only if label not in encoders]:
        entry.fail(f"the remedy {name} is for {shown(unknown[0])}, but the encoders are {', '.join(encoders)}")
    fitted = fitting != Fitting()
    if fitted and files.correction is not None:
        entry.fail(f"the remedy {name} has a correction and says how to fit one; give one of them")
    if not fitted and files == Remedy() and expand is None and feedback is None:
        entry.fail(f"the remedy {name} does nothing; give method, correction, adapter, expand or feedback")
    if files.query_languages is not None and not fitted and files.correction is None:
        entry.fail("query-languages is for a correction; give method or correction as well")
    try:
        if fitted:
            check_options(fitting.name, list(fitting.options()))
        if expand is not None:
            check_expansion_weight(expand)
        if feedback is not None:
            check_weight(feedback)
    except ClinometerError as error:
        entry.fail(error)
    return RemedyEntry(name, files, fitting if fitted else None, expand, feedback, own_first, tuple(only), note)


def _seeds(study: Entry) -> tuple[int, ...]:
    from clinometer.numerals import read_int

    texts = study.texts("seeds")
    try:
        seeds = tuple(read_int(text) for text in (["0"] if texts is None else texts))
    except ValueError:
        study.fail(f"seeds are {', '.join(texts or [])}, but must be whole numbers", study.line_of("seeds"))
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        study.fail(
            "seeds must be different whole numbers from 0 on, at least one; write seeds: [0, 1, 2]",
            study.line_of("seeds"),
        )
    return seeds


def _refuse_repeated(study: Entry, key: str, kind: str, names: Sequence[str]) -> None:
    # Names become folders, and some file systems do not tell `E5` from `e5`.
    repeated = [name for name, times in Counter(name.lower() for name in names).items() if times > 1]
    if repeated:
        study.fail(
            f"two entries have the {kind} name {repeated[0]!r}; give one of them another name:", study.line_of(key)
        )


def _check_values(study: Entry, measured: Measured, resampling: Resampling) -> None:
    from clinometer.errors import ClinometerError

    try:
        measured.options(resampling)
    except ClinometerError as error:
        study.fail(error, study.line_of("evaluate"))
