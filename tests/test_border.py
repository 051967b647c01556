"""The border of the package: whatever a caller passes, a public function works or raises an error of the package.

Every public callable is called with good arguments, of which one at a time is replaced by each of many hostile values.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import clinometer as cm
from clinometer.encoders import EncoderRecord
from clinometer.errors import ClinometerError
from clinometer.store import EmbeddingStore, StoreWriter

RNG = np.random.default_rng(4)
DOCUMENTS = RNG.standard_normal((20, 8)).astype(np.float32)
QUERIES = RNG.standard_normal((3, 8)).astype(np.float32)
LABELS = ["en", "de"] * 10
RELEVANT = [[0], [1], [2]]
RANKS = cm.rank_relevant(QUERIES, DOCUMENTS, RELEVANT, LABELS)
TOP = cm.search(QUERIES, DOCUMENTS, 5, LABELS, per_language=True)


class Raising:
    """Refuses to become an array, a number or a text."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no array")

    def __index__(self) -> int:
        raise ZeroDivisionError

    def __len__(self) -> int:
        raise LookupError


class Odd(np.ndarray[Any, Any]):
    """A subclass of arrays."""


def hostile() -> dict[str, Any]:
    """Values that no parameter expects, or that few do."""
    floats = np.arange(24, dtype=np.float32).reshape(3, 8)
    locked = floats.copy()
    locked.flags.writeable = False
    return {
        "None": None,
        "True": True,
        "negative": -1,
        "huge": 2**64,
        "giant": 10**30,
        "half": 0.5,
        "NaN": float("nan"),
        "infinity": float("-inf"),
        "complex": 1j,
        "text": "abc",
        "empty text": "",
        "surrogate": "\ud800",
        "long text": "x" * 100_000,
        "bytes": b"abc",
        "object": object(),
        "raising": Raising(),
        "list": [],
        "nested": [[[[1]]]],
        "ragged": [[1, 2], [3]],
        "mixed": [1, "a", None],
        "tuple": (1, 2),
        "set": {1, 2},
        "mapping": {"a": 1},
        "numbered mapping": {2: [1], 1: [2], 0: [3]},
        "function": len,
        "class": int,
        "path": Path("/nonexistent"),
        "0-d": np.array(3),
        "0-d object": np.array(None),
        "no rows": floats[:0],
        "no columns": floats[:, :0],
        "one row": floats[0],
        "3-d": floats[None],
        "float64": floats.astype(np.float64) * 1e300,
        "complex array": floats.astype(complex),
        "bool array": floats > 3,
        "object array": floats.astype(object),
        "text array": np.array([["a", "b"]]),
        "bytes array": np.array([b"a", b"b"]),
        "datetime": np.array(["2020-01-01"], dtype="M8[D]"),
        "structured": np.zeros(3, dtype=[("a", "i4"), ("b", "f4")]),
        "uint64": np.full((3, 8), 2**64 - 1, dtype=np.uint64),
        "not finite": np.full((3, 8), np.nan, dtype=np.float32),
        "infinite": np.full((3, 8), -np.inf, dtype=np.float16),
        "zeros": np.zeros((3, 8), dtype=np.float32),
        "big-endian": floats.astype(">f4") + 1,
        "strided": np.repeat(floats, 2, axis=1)[:, ::2] + 1,
        "fortran": np.asfortranarray(floats) + 1,
        "read-only": locked,
        "subclass": (floats + 1).view(Odd),
        "masked": np.ma.masked_less(floats, 3),
        "many times one row": np.broadcast_to(floats[:1], (1 << 40, 8)),
        "store": cm.EmbeddingStore,
    }


@cache
def encoded() -> Any:
    """Embeddings of `collection`."""
    draw = np.random.default_rng(1)
    sides = (collection().queries, collection().documents)
    queries, documents = (draw.standard_normal((len(side), 8)).astype(np.float32) for side in sides)
    return importlib.import_module("clinometer.encoders").PrecomputedEncoder(queries, documents)


def mining() -> dict[str, Any]:
    """An index of translations, as arguments."""
    rows = np.repeat(DOCUMENTS[:10], 2, axis=0) + 0.01 * DOCUMENTS
    correction = importlib.import_module("clinometer.correction")
    return {
        "documents": rows, "languages": LABELS, "center": correction.Center.fit(rows, LABELS), "pivot": "en",
        "groups": [str(row // 2) for row in range(20)], "neighbours": 4, "margin": 1.0, "sample": 10, "seed": 0,
    }  # fmt: skip


@cache
def collection() -> cm.Collection:
    return cm.load("demo", languages=["en", "de"])


@cache
def evaluation() -> cm.Evaluation:
    return cm.evaluate(collection(), languages=["en", "de"], resamples=0, measures=["MaxR", "MaxRnorm"])


@cache
def random_evaluations() -> list[cm.Evaluation]:
    from clinometer.scorers import MatrixScorer

    shape = len(collection().queries), len(collection().documents)
    matrices = [MatrixScorer(RNG.standard_normal(shape)) for _ in range(3)]
    return [cm.evaluate(collection(), scores, resamples=0, measures=["MaxR", "MaxRnorm"]) for scores in matrices]


@cache
def correction() -> Any:
    from clinometer import correction

    return correction.fit("center", DOCUMENTS, LABELS)


@cache
def small() -> cm.Collection:
    from clinometer.collection import CollectionBuilder

    builder = CollectionBuilder("small")
    for row in range(6):
        label, group = ("en", "de")[row % 2], str(row // 2)
        builder.add_document(f"d{row}", f"Text {row}.", label, group)
        builder.add_query(f"q{row}", f"Question {row}?", label, group)
        builder.judge(f"q{row}", f"d{row}")
    return builder.build()


def evaluating(name: str) -> Callable[[], tuple[Any, dict[str, Any]]]:
    from clinometer.encoders import PrecomputedEncoder

    encoder = PrecomputedEncoder(DOCUMENTS[:6], DOCUMENTS[6:12])
    options: dict[str, Any] = {
        "collection": small(), "encoder": encoder, "languages": ["en", "de"], "scenarios": ["multi"], "pivot": "en",
        "pairs": "pivot", "ties": "index", "threads": 1, "show_progress_bar": False,
    }  # fmt: skip
    more: dict[str, dict[str, Any]] = {
        "evaluate": {
            "measures": ["MaxR"], "executor": "local", "resamples": 5, "resample": "cluster", "confidence": 0.9,
            "seed": 0, "examples": 1, "by": None, "query_set": "answered", "exclude_own_id": False,
            "similarity": None, "truncate_dim": None, "expand": None, "feedback": None, "own_first": None,
        },
        "analyse": {"resamples": 5, "confidence": 0.9, "seed": 0, "examples": 1, "exclude_own_id": False},
        "abstention": {"measures": ["nDCG@10"], "depth": 3},
    }  # fmt: skip
    parameters = inspect.signature(getattr(cm, name)).parameters
    return lambda: (
        getattr(cm, name),
        {key: value for key, value in (options | more[name]).items() if key in parameters},
    )


def geometry(name: str) -> Callable[[], tuple[Any, dict[str, Any]]]:
    return lambda: (
        getattr(importlib.import_module("clinometer.geometry"), name),
        {"pivot": QUERIES, "target": QUERIES},
    )


def pool(name: str, **options: Any) -> Callable[[], tuple[Any, dict[str, Any]]]:
    return lambda: (getattr(importlib.import_module("clinometer.pools"), name), {"collection": collection(), **options})


SCAN: dict[str, Any] = {
    "queries": QUERIES, "documents": DOCUMENTS, "relevant": RELEVANT, "languages": LABELS, "k": 3,
    "per_language": False, "pool_k": 0, "ties": "index", "document_ids": [str(row) for row in range(20)],
    "exclude": [[3], [], []],
    "similarity": "cosine", "precision": None, "memory_budget": None, "threads": 1, "executor": "local", "block": 512,
    "kernel": None, "show_progress_bar": False,
}  # fmt: skip

CALLS: dict[str, Callable[[], tuple[Callable[..., Any], dict[str, Any]]]] = {
    "scan": lambda: (cm.scan, SCAN),
    "rank_relevant": lambda: (
        cm.rank_relevant,
        {name: SCAN[name] for name in ("queries", "documents", "relevant", "languages", "ties", "threads")},
    ),
    "search": lambda: (
        cm.search, {name: SCAN[name] for name in ("queries", "documents", "k", "languages", "per_language", "threads")}
    ),
    "scan_scores": lambda: (
        cm.scan_scores,
        {"scores": QUERIES @ DOCUMENTS.T}
        | {name: SCAN[name] for name in ("relevant", "languages", "k", "per_language", "pool_k", "ties", "document_ids",
                                         "exclude", "show_progress_bar")},
    ),
    "measure": lambda: (cm.measure, {"ranks": RANKS, "measures": ["MaxR"], "languages": ["en"], "grades": [1, 1, 2]}),
    "RankCounts.ranks": lambda: (RANKS.ranks, {"languages": ["en"], "ties": "index"}),
    "RankCounts.merge": lambda: (RANKS.merge, {"other": RANKS}),
    "TopK.pool": lambda: (TOP.pool, {"languages": ["en"]}),
    "TopK.merge": lambda: (TOP.merge, {"other": TOP}),
    "TopK.first": lambda: (TOP.first, {"k": 2}),
    "load": lambda: (cm.load, {"source": "demo", "languages": ["en"]}),
    "correlate": lambda: (
        cm.correlate,
        {"evaluations": random_evaluations(), "x": "MaxR", "y": "MaxRnorm", "scenario": "multilingual",
         "query_language": "macro",
         "pool_languages": None, "names": ["a", "b", "c"]},
    ),
    **{name: evaluating(name) for name in ("evaluate", "analyse", "abstention")},
    "compare": lambda: (
        lambda before, **options: cm.compare(before, evaluation(), **options),
        {"before": evaluation(), "measures": ["MaxR"], "scenarios": ["multi"], "resamples": 10, "seed": 0}
    ),
    "geometry.isotropy": lambda: (
        importlib.import_module("clinometer.geometry").isotropy, {"vectors": QUERIES, "read": "raw"}
    ),
    "geometry.alignment_table": lambda: (
        importlib.import_module("clinometer.geometry").alignment_table,
        {"vectors": DOCUMENTS, "languages": LABELS, "groups": [str(row // 2) for row in range(20)], "pivot": "en",
         "read": "raw"},
    ),
    **{f"geometry.{name}": geometry(name) for name in (
        "bitext_accuracy", "embedding_mismatch", "language_gap_norm", "linear_cka", "margin", "mexa")},
    "correction.fit": lambda: (
        importlib.import_module("clinometer.correction").fit,
        {"method": "center", "documents": DOCUMENTS, "languages": LABELS, "queries": DOCUMENTS,
         "query_languages": LABELS},
    ),
    "correction.apply": lambda: (correction().apply, {"vectors": DOCUMENTS, "languages": LABELS, "unknown": "mean"}),
    "correction.apply_queries": lambda: (correction().apply_queries, {"vectors": DOCUMENTS, "languages": LABELS}),
    "correction.choose": lambda: (
        importlib.import_module("clinometer.correction").choose, {"languages": LABELS, "texts": 2, "seed": 0}
    ),
    "correction.check_options": lambda: (
        importlib.import_module("clinometer.correction").check_options, {"method": "center", "options": ["strength"]}
    ),
    "correction.check_method": lambda: (
        importlib.import_module("clinometer.correction").check_method, {"method": "center"}
    ),
    "mining.mine": lambda: (importlib.import_module("clinometer.mining").mine, mining()),
    "mining.turned": lambda: (
        importlib.import_module("clinometer.mining").turned, mining() | {"ridge": 2.0, "least": 1}
    ),
    "mining.expanded": lambda: (
        importlib.import_module("clinometer.mining").expanded,
        {name: value for name, value in mining().items() if name not in ("center", "sample")}
        | {"correction": mining()["center"], "weight": 0.5, "least": 1},
    ),
    "advice.advise": lambda: (
        importlib.import_module("clinometer.advice").advise,
        {"collection": collection(), "encoder": encoded(), "tolerance": 0.01, "texts": 20, "queries": 40, "pivot": "en",
         "seed": 0},
    ),
    "advice.advise_rows": lambda: (
        importlib.import_module("clinometer.advice").advise_rows,
        {"documents": DOCUMENTS, "languages": LABELS, "queries": QUERIES, "query_languages": ["en", "de", "en"],
         "sample": 10, "pivot": "en", "seed": 0},
    ),
    "scenarios.settings_of": lambda: (
        importlib.import_module("clinometer.scenarios").settings_of,
        {"scenarios": ["multi"], "languages": ["en", "de"], "pivot": "en", "pairs": "pivot"},
    ),
    "languages.canonical": lambda: (importlib.import_module("clinometer.languages").canonical, {"label": "en"}),
    "store.default_shard_rows": lambda: (
        importlib.import_module("clinometer.store").default_shard_rows, {"rows": 10}
    ),
    "pools.skew": pool("skew", shares={"en": 0.5, "de": 0.5}, queries="complete", seed=0),
    "pools.translate_partly": pool("translate_partly", share=0.5, rest="pivot", pivot="en", queries="any", seed=0),
    "pools.near_duplicates": pool("near_duplicates", share=0.1, of="all", judged=True, seed=0),
    "pools.untranslated": pool("untranslated", share=0.1, how="labelled", pivot="en", seed=0),
    "pools.code_switch": pool("code_switch", share=0.1, how="tokens", pivot="en", seed=0),
    "pools.distract": pool("distract", others=collection(), size=None, seed=0),
    "pools.apply": pool("apply", steps=["near_duplicates(share=0.1)"], pivot="en"),
    "pools.parse": lambda: (
        importlib.import_module("clinometer.pools").parse, {"texts": ["near_duplicates(share=0.1)"]}
    ),
    "pools.generated": lambda: (
        importlib.import_module("clinometer.pools").generated,
        {"vectors": DOCUMENTS, "count": 10, "smoothing": 1.0, "seed": 0},
    ),
    "scorers.MatrixScorer": lambda: (
        importlib.import_module("clinometer.scorers").MatrixScorer, {"scores": QUERIES}
    ),
}  # fmt: skip
"""Public functions that take arrays, numbers or names, each with good arguments."""

ELSEWHERE = {
    **dict.fromkeys(
        ("adapters", "training", "losses", "integrations", "encoders"), "models and learning: tests of these rooms"
    ),
    **dict.fromkeys(("report", "analysis", "cli", "files", "executors"), "files: tests of readers, fuzzing"),
    **dict.fromkeys(
        (
            *("_core", "contents", "errors", "collection", "evaluation", "measures", "progress", "scorers", "store"),
            *("suggestions", "vectors"),
        ),
        "inner",
    ),
}
"""Rooms whose public names are not called here, or not all of them, and why."""


def problems(name: str, values: dict[str, Any]) -> Iterator[str]:
    """Calls that end in an exception of another class."""
    function, good = CALLS[name]()
    for parameter in good:
        for kind, value in values.items():
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    function(**{**good, parameter: value})
            except (ClinometerError, FileNotFoundError, IsADirectoryError):
                continue
            except Exception as error:
                yield f"{name}({parameter}={kind}): {type(error).__name__}: {str(error)[:100]}"


@pytest.mark.parametrize("name", CALLS)
def test_good_arguments_are_accepted(name: str) -> None:
    function, good = CALLS[name]()
    function(**good)


@pytest.mark.parametrize("name", CALLS)
def test_hostile_values_are_refused_in_words(name: str) -> None:
    assert list(problems(name, hostile())) == []


SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=8)


@seed(20261129)
@settings(max_examples=60, deadline=None, database=None)
@given(
    st.sampled_from(["queries", "documents", "relevant", "languages", "exclude"]),
    arrays.arrays(arrays.scalar_dtypes(), SHAPES)
    | arrays.arrays(object, SHAPES, elements=st.none() | st.integers() | st.floats() | st.text(max_size=3)),
)
def test_arrays_of_any_kind_are_scanned_or_refused(parameter: str, array: Any) -> None:
    for function in (cm.scan, cm.scan_scores):
        if function is cm.scan_scores:
            name = "scores" if parameter in ("queries", "documents") else parameter
            arguments = {"scores": QUERIES @ DOCUMENTS.T, "relevant": RELEVANT, "languages": LABELS, name: array}
        else:
            arguments = {name: SCAN[name] for name in ("queries", "documents", "relevant", "languages")}
            arguments[parameter] = array
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                function(**arguments)
        except ClinometerError:
            pass


@pytest.fixture
def store(tmp_path: Path) -> EmbeddingStore:
    with StoreWriter(tmp_path / "store", EncoderRecord(name="m", kind="http"), "documents") as writer:
        writer.append(DOCUMENTS, [str(row) for row in range(20)], LABELS)
    return EmbeddingStore.open(tmp_path / "store")


def test_rows_of_a_store_are_asked_for_by_number(store: EmbeddingStore) -> None:
    for kind, value in hostile().items():
        for call in (store.take, partial(store.rows, 0), partial(store.rows, stop=2)):
            try:
                call(value)
            except ClinometerError:
                continue
            except Exception as error:
                pytest.fail(f"{kind}: {type(error).__name__}: {error}")


def test_every_public_function_is_here_or_elsewhere() -> None:
    called = {name.rpartition(".")[2] for name in CALLS}
    missing = []
    for room in ["", *sorted(module.name for module in pkgutil.iter_modules(cm.__path__))]:
        if room in ELSEWHERE or room == "__main__":
            continue
        module = importlib.import_module(f"clinometer.{room}".rstrip("."))
        for name in getattr(module, "__all__", []):
            value = getattr(module, name)
            if inspect.isfunction(value) and name not in called | OTHERS:
                missing.append(f"{room}.{name}")
    assert missing == []


OTHERS = {
    *(
        "encoder",
        "pool_growth",
        "evaluate_pools",
    ),  # need a model or a long time: tests of options
    *("load", "identify"),
    *(
        "long_label",
        "near",
        "select",
        "read_int",
        "read_number",
        "read_bytes",
        "read_score",
    ),  # take text that was checked
    *(
        "choice",
        "is_real",
        "number",
        "refuse_unknown_options",
        "switch",
        "texts",
        "thread_number",
        "whole",
        "checked",
        "shown",
    ),
    *("available_bytes", "refuse_more_than_available", "size_text", "checked_grade", "whole_grade"),
}
"""Public functions that are not called here."""
