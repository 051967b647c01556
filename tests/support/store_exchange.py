"""Stores of any kind for the tests of export and import, and what makes two of them the same."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from clinometer.encoders import EncoderRecord
from clinometer.store import EmbeddingStore, StoreWriter
from clinometer.store.exchange import export_store, import_store

RECORD = EncoderRecord(
    name="tiny", kind="http", revision="1", dimension=0, query_prompt="query: ", document_prompt="passage: ",
    max_length=64, warnings=["cut"], remedies=[{"method": "center", "digest": "d", "settings": {"strength": 0.5}}],
)  # fmt: skip

# NUL is the one character that PostgreSQL does not store.
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)


@st.composite
def contents(draw: st.DrawFn) -> dict[str, Any]:
    """What goes into a store: rows of any finite numbers, ids of any characters, shards cut anywhere."""
    dtype = draw(st.sampled_from(["float32", "float16", "int16"]))
    kind = np.dtype("float16" if dtype == "float16" else "float32")
    rows, dimension = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    numbers = st.floats(-60000, 60000, width=16 if dtype == "float16" else 32, allow_subnormal=True)
    vectors = draw(arrays.arrays(kind, (rows, dimension), elements=numbers))
    vectors[~vectors.any(axis=1)] = 1
    return {
        "dtype": dtype,
        "stage": draw(st.sampled_from(["documents", "queries"])),
        "vectors": vectors,
        "ids": draw(st.lists(_TEXT, min_size=rows, max_size=rows, unique=True)),
        "languages": draw(st.lists(st.sampled_from(["en", "zh-Hant", "und"]), min_size=rows, max_size=rows)),
        "groups": draw(st.lists(st.none() | _TEXT, min_size=rows, max_size=rows)),
        "cut": draw(st.integers(0, rows)),
    }


def stored(path: Path, what: dict[str, Any]) -> EmbeddingStore:
    with StoreWriter(path, RECORD, what["stage"], what["dtype"]) as writer:
        for part in (slice(0, what["cut"]), slice(what["cut"], None)):
            if what["ids"][part]:
                writer.append(*(what[name][part] for name in ("vectors", "ids", "languages", "groups")))
    return EmbeddingStore.open(path)


def check_round_trip(
    what: dict[str, Any], name: str, before: Callable[[], Any] = lambda: None, *, metric: str = "ip", **options: Any
) -> None:
    """Out and in again gives the same store: every bit, column, and all that is known of the encoder."""
    with tempfile.TemporaryDirectory() as folder:
        before()
        store = stored(Path(folder) / "s", what)
        target = name if "://" in name else str(Path(folder) / name)
        assert export_store(store.path, target, metric=metric, **options) == len(store)
        back = import_store(target, Path(folder) / "back", **options)
        back.verify()
        check_same(back, store)
        assert back.record.warnings[:-1] == ["cut"]
        assert back.record.warnings[-1].startswith("exported by clinometer and imported again (")
        # A second time, nothing is said twice.
        before()
        target = target if "://" in name else str(Path(folder) / ("again-" + name))
        export_store(back.path, target, metric=metric, **options)
        again = import_store(target, Path(folder) / "again", **options)
        check_same(again, store)
        assert again.record == back.record


def check_same(one: EmbeddingStore, other: EmbeddingStore) -> None:
    assert (one.ids, one.languages, one.groups) == (other.ids, other.languages, other.groups)
    assert (one.stage, one.manifest.dtype, one.dimension) == (other.stage, other.manifest.dtype, other.dimension)
    a, b = np.asarray(one.rows(0, len(one))), np.asarray(other.rows(0, len(other)))
    assert a.dtype == b.dtype
    np.testing.assert_array_equal(a.view(f"u{a.itemsize}"), b.view(f"u{b.itemsize}"))
    bare = [msgspec.structs.replace(store.record, warnings=[]) for store in (one, other)]
    assert bare[0] == bare[1]
