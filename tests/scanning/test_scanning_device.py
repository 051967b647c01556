"""A scan on a device of torch has the bits of the core, for any data, arithmetic, block and tensor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.brute_force import embeddings
from support.languages import LANGUAGES
from support.same_scan import assert_same, assert_same_counts

import clinometer as cm
from clinometer.encoders import EncoderRecord
from clinometer.errors import EmbeddingError, UsageError
from clinometer.scanning.device.options import PRECISIONS
from clinometer.store import EmbeddingStore, StoreWriter

torch = pytest.importorskip("torch")
piece = pytest.importorskip("clinometer.scanning.device.piece")

pytestmark = pytest.mark.models

RNG = np.random.default_rng(14)
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def on_device(*arguments: Any, block: int | None = None, device: str = "cpu", **options: Any) -> cm.Scan:
    """A scan on a device, in blocks of some documents and batches of a few queries if `block` says so."""
    with pytest.MonkeyPatch.context() as patch:
        if block is not None:
            patch.setattr(piece, "sizes", lambda queries, *_: (min(queries, 3 + block % 2), block))
        return cm.scan(*arguments, device=device, **options)


class Case:
    """Inputs of a scan; `on` scans on a device and compares with the core."""

    def __init__(self, queries: Any, documents: Any, most: int = 3, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.queries, self.documents = (np.asarray(rows, dtype=np.float32) for rows in (queries, documents))
        size = len(self.documents)
        self.languages = np.array(LANGUAGES)[rng.integers(0, 3, size)]
        self.relevant = [rng.choice(size, rng.integers(0, min(most, size) + 1), replace=False) for _ in self.queries]

    def on(self, device: str, documents: Any = None, queries: Any = None, k: int = 5, **options: Any) -> int:
        of_device = {name: options.pop(name, None) for name in ("precision", "block")}
        arguments = (self.relevant, self.languages, k)
        by_core = cm.scan(self.queries, self.documents, *arguments, **options)
        by_device = on_device(
            self.queries if queries is None else queries,
            self.documents if documents is None else documents,
            *arguments,
            device=device,
            **of_device,
            **options,
        )
        if by_core.top is None:
            assert by_device.top is None
            assert_same_counts(by_device.ranks, by_core.ranks)
        else:
            assert_same(by_device, by_core)
        for name in ("greater", "equal", "before", "scores"):
            assert getattr(by_device.ranks, name).dtype == getattr(by_core.ranks, name).dtype
        if by_core.ranks is not None and by_core.ranks.pool_sizes is not None:
            assert by_device.ranks is not None
            assert np.array_equal(by_device.ranks.pool_sizes, by_core.ranks.pool_sizes)  # type: ignore[arg-type]
        if by_core.pooled is not None:
            assert by_device.pooled is not None
            assert np.array_equal(by_device.pooled.ids, by_core.pooled.ids)
        return by_device.rescored


def nearly_equal(count: int, dimension: int) -> NDArray[np.float32]:
    """Rows that differ from each other in the last bits of a component."""
    rows = np.repeat(RNG.standard_normal((1, dimension)), count, axis=0).astype(np.float32)
    for row in range(count):
        at = row % dimension
        rows[row, at] += np.spacing(rows[row, at]) * (row // dimension)
    return rows


AWKWARD = {
    "random": RNG.standard_normal((400, 33)),
    "duplicates": np.repeat(RNG.standard_normal((4, 33)), 100, axis=0),
    "last bits": nearly_equal(400, 33),
    "huge and tiny": RNG.standard_normal((400, 33)) * 10.0 ** RNG.integers(-30, 30, (400, 1)),
    "one component": np.eye(33)[RNG.integers(0, 33, 400)] + 0.0,
    "denormal": RNG.standard_normal((400, 33)) * 1e-41 + 1e-44,
    "cancelling": np.tile([1e4, -1e4, 1.0], (400, 11)) + RNG.standard_normal((400, 33)) * 1e-3,
    "opposite": np.vstack([RNG.standard_normal((200, 33)), -RNG.standard_normal((200, 33))]),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("similarity", ["cosine", "dot"])
@pytest.mark.parametrize("data", AWKWARD)
def test_no_arithmetic_shows(data: str, similarity: str, precision: str, device: str) -> None:
    case = Case(RNG.standard_normal((12, 33)), AWKWARD[data])
    for per_language in (False, True):
        case.on(device, precision=precision, similarity=similarity, per_language=per_language, k=7, pool_k=11)


cases = st.builds(
    lambda seed, queries, documents, dimension, tied, most: Case(
        embeddings(seed + 1, queries, dimension, tied), embeddings(seed + 2, documents, dimension, tied), most, seed
    ),
    seed=st.integers(0, 1 << 20),
    queries=st.integers(1, 9),
    documents=st.integers(1, 70),
    dimension=st.sampled_from([1, 2, 3, 8, 17, 40]),
    tied=st.booleans(),
    most=st.sampled_from([0, 1, 4, 40]),
)


@settings(max_examples=80, deadline=None)
@given(
    case=cases,
    precision=st.sampled_from(PRECISIONS),
    similarity=st.sampled_from(["cosine", "dot"]),
    block=st.sampled_from([None, 1, 2, 7]),
    k=st.sampled_from([0, 1, 3, 100]),
    per_language=st.booleans(),
    ids=st.sampled_from([None, "index", "trec", "reversed"]),
    data=st.data(),
)
def test_shapes_ties_shards_and_blocks_never_show(
    case: Case,
    precision: str,
    similarity: str,
    block: int | None,
    k: int,
    per_language: bool,
    ids: str | None,
    data: Any,
) -> None:
    size = len(case.documents)
    options: dict[str, Any] = {"ties": "index" if ids in (None, "index") else "trec"}
    if ids == "trec":
        options["document_ids"] = [f"d{number}" for number in np.random.default_rng(size).permutation(size)]
    cuts = sorted(data.draw(st.lists(st.integers(0, size), max_size=3), label="cuts"))
    shards = [case.documents[start:end] for start, end in zip([0, *cuts], [*cuts, size], strict=True)]
    case.on(
        "cpu",
        shards,
        precision=precision,
        similarity=similarity,
        block=block,
        k=k,
        per_language=per_language,
        **options,
    )


def test_excluded_documents() -> None:
    case = Case(RNG.standard_normal((9, 8)), RNG.standard_normal((60, 8)))
    excluded = [[row for row in range(3) if row not in case.relevant[query]] for query in range(9)]
    case.on("cpu", exclude=excluded, per_language=True)


def test_many_targets_of_one_query_and_none_of_another() -> None:
    case = Case(RNG.standard_normal((5, 8)), RNG.standard_normal((300, 8)))
    case.relevant = [np.array(rows, dtype=np.int64) for rows in ([], range(300), [3], [], range(0, 300, 2))]
    for block in (None, 1, 50):
        case.on("cpu", block=block)


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "int32"])
def test_tensors_of_any_type(dtype: str, similarity: str) -> None:
    rows = torch.from_numpy(10 * RNG.standard_normal((150, 24))).to(getattr(torch, dtype))
    rows[rows.abs().amax(dim=1) == 0] = 1
    case = Case(RNG.standard_normal((6, 24)), rows.float().numpy())
    case.on("cpu", rows, similarity=similarity)
    case.on("cpu", [rows[:70], rows[70:]], similarity=similarity, block=33)


def test_tensors_with_strides_gradients_and_queries() -> None:
    wide = torch.from_numpy(RNG.standard_normal((24, 300)).astype(np.float32)).requires_grad_()
    rows, queries = wide.T[::2], torch.from_numpy(RNG.standard_normal((24, 6)).astype(np.float32)).T
    assert not rows.is_contiguous()
    case = Case(queries.numpy(), rows.detach().numpy())
    case.on("cpu", rows, queries)


class Exchanged:
    """An array that only DLPack can read."""

    def __init__(self, rows: NDArray[Any]) -> None:
        self._rows, self.ndim = rows, rows.ndim

    def __dlpack__(self, **options: Any) -> Any:
        return self._rows.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._rows.__dlpack_device__()


def test_arrays_of_other_libraries() -> None:
    case = Case(RNG.standard_normal((4, 8)), RNG.standard_normal((50, 8)))
    case.on("cpu", Exchanged(case.documents), Exchanged(case.queries))
    case.on("cpu", [Exchanged(case.documents[:20]), Exchanged(case.documents[20:])])


@pytest.mark.parametrize("dtype", ["float32", "float16", "int16"])
def test_stores(dtype: Any, tmp_path: Path) -> None:
    case = Case(RNG.standard_normal((6, 24)), RNG.standard_normal((150, 24)))
    with StoreWriter(tmp_path, EncoderRecord(name="m", kind="http"), "documents", dtype) as writer:
        for start in range(0, 150, 50):
            span = slice(start, start + 50)
            writer.append(
                case.documents[span], [f"d{row}" for row in range(start, start + 50)], case.languages[span].tolist()
            )
    store = EmbeddingStore.open(tmp_path)
    arguments = (case.relevant, case.languages, 5)
    by_core = cm.scan(case.queries, store, *arguments)
    for block in (None, 33):
        for precision in PRECISIONS:
            assert_same(on_device(case.queries, store, *arguments, block=block, precision=precision), by_core)


def message(**options: Any) -> str:
    with pytest.raises(EmbeddingError) as caught:
        on_device(**options) if "device" in options else cm.scan(**options)
    return str(caught.value)


@pytest.mark.parametrize("block", [None, 1, 4])
@pytest.mark.parametrize("similarity", ["cosine", "dot"])
@pytest.mark.parametrize("bad", ["documents", "queries"])
def test_rows_are_refused_in_the_words_of_the_core(bad: str, similarity: str, block: int | None) -> None:
    rows = {"queries": RNG.standard_normal((20, 6)), "documents": RNG.standard_normal((20, 6))}
    rows = {side: array.astype(np.float32) for side, array in rows.items()}
    for row, value in ((3, 0), (4, np.nan), (9, np.inf), (11, 0), (17, 0), (18, np.nan)):
        rows[bad][row] = value
    if similarity == "dot":
        rows["documents"][7], rows["queries"][2] = 3e38, 10
    wanted = message(**rows, k=3, similarity=similarity)
    assert message(**rows, k=3, similarity=similarity, device="cpu", block=block) == wanted
    tensors = {side: torch.from_numpy(array) for side, array in rows.items()}
    assert message(**tensors, k=3, similarity=similarity, device="cpu", block=block) == wanted
    shards = [rows["documents"][:2], rows["documents"][2:]]
    wanted = message(queries=rows["queries"], documents=shards, k=3, similarity=similarity)
    by_device = message(
        queries=rows["queries"], documents=shards, k=3, similarity=similarity, device="cpu", block=block
    )
    assert by_device == wanted


def test_what_is_no_matrix_of_numbers_is_refused() -> None:
    queries = torch.ones(2, 4)
    cases = [
        (torch.ones(4), "documents have shape (4,), but must be (rows, dimension)"),
        (torch.ones(3, 4, dtype=torch.bool), "documents are bool, but must be float32 or float16"),
        (torch.ones(3, 4, dtype=torch.uint8), "documents are uint8, which may be packed bits"),
        (torch.ones(3, 4).to_sparse(), "documents are a sparse tensor"),
        (torch.ones(3, 5), "queries have dimension 4, documents 5"),
    ]
    for documents, problem in cases:
        assert problem in message(queries=queries, documents=documents, k=1, device="cpu")


def test_devices_and_arithmetic_that_do_not_exist_are_refused() -> None:
    rows = np.eye(3, dtype=np.float32)
    for device in ("cpu:x", "abacus", "meta", 7.5, "xla"):
        with pytest.raises(UsageError, match="device"):
            cm.search(rows, rows, k=1, device=device)
    with pytest.raises(UsageError, match="unknown precision of a scan on a device 'int16-certified'; expected"):
        cm.search(rows, rows, k=1, device="cpu", precision="int16-certified")
    with pytest.raises(UsageError, match="unknown precision 'tf32-certified'; expected float32 or int16"):
        cm.search(rows, rows, k=1, precision="tf32-certified")
