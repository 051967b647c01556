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
from clinometer import _core
from clinometer.encoders import EncoderRecord, PrecomputedEncoder
from clinometer.errors import EmbeddingError, UsageError
from clinometer.executors import LocalExecutor
from clinometer.scanning.device.options import PRECISIONS
from clinometer.store import EmbeddingStore, StoreWriter

torch = pytest.importorskip("torch")
arithmetic, blocks, canonical, counting, lists, piece, prepare = (
    pytest.importorskip(f"clinometer.scanning.device.{name}")
    for name in ("arithmetic", "blocks", "canonical", "counting", "lists", "piece", "prepare")
)

pytestmark = pytest.mark.models

RNG = np.random.default_rng(14)
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def on_device(*arguments: Any, block: int | None = None, device: str = "cpu", **options: Any) -> cm.Scan:
    """A scan on a device; if `block` says so, in blocks of some documents, and with all else as small as it may be."""
    with pytest.MonkeyPatch.context() as patch:
        if block is not None:
            patch.setattr(piece, "sizes", lambda queries, *_: (min(queries, 3 + block % 2), block))
            for module, name in ((counting, "_PAIRS"), (counting, "_COMPARED"), (lists, "_ROOM")):
                patch.setattr(module, name, 1 + block % 3)
            patch.setattr(canonical, "_PAIRS_OF_THREAD", 5)
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
    for per_language, block in ((False, None), (True, None), (False, 131), (True, 400)):
        case.on(
            device, precision=precision, similarity=similarity, per_language=per_language, block=block, k=7, pool_k=11
        )


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
    case = Case(RNG.standard_normal((5, 8)), RNG.standard_normal((100, 8)))
    case.relevant = [np.array(rows, dtype=np.int64) for rows in ([], range(100), [3], [], range(0, 100, 2))]
    for block in (None, 35):
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


def test_a_relevant_row_of_a_tensor_is_named_by_its_number() -> None:
    rows = np.eye(9, 6, dtype=np.float32) + 1
    rows[7] = 0
    arguments: dict[str, Any] = {"queries": rows[:2], "relevant": [[1], [7]]}
    wanted = message(**arguments, documents=rows)
    assert wanted.startswith("row 7 of the documents is all zeros")
    assert message(**arguments, documents=torch.from_numpy(rows), device="cpu") == wanted


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


@pytest.fixture
def chained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chains worked out on the device, as on a GPU, also on the processor."""
    monkeypatch.setattr(piece, "_CHAINING", ("cpu", "cuda"))


@pytest.mark.parametrize("data", AWKWARD)
@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_chains_of_the_device_have_the_bits_of_the_core(data: str, similarity: str, chained: None) -> None:
    case = Case(RNG.standard_normal((6, 33)), AWKWARD[data])
    for precision in ("float32", "bf16-certified"):
        case.on("cpu", precision=precision, similarity=similarity, block=150)
    case.on("cpu", torch.from_numpy(case.documents), similarity=similarity)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1 << 20),
    dimension=st.sampled_from([1, 2, 7, 64]),
    spread=st.sampled_from([0, 4, 30]),
    near_one=st.booleans(),
)
def test_a_chain_is_the_cores_wherever_it_is_not_left_open(
    seed: int, dimension: int, spread: int, near_one: bool
) -> None:
    rng = np.random.default_rng(seed)
    queries, documents = rng.standard_normal((2, 500, dimension)) * 2.0 ** rng.integers(
        -spread, spread + 1, (2, 500, 1)
    )
    if near_one:  # sums lie half-way between two float32 numbers, but for a bit that float64 cannot hold
        queries = 1 + rng.integers(-2, 3, queries.shape) * 2.0**-23
        documents = (1 + rng.integers(-2, 3, documents.shape) * 2.0**-23) * rng.choice([1, 2.0**-24], documents.shape)
    sides = [rows.astype(np.float32) for rows in (queries, documents)]
    for rows in sides:
        rows[~rows.any(axis=1)] = 1
    numbers = np.arange(500, dtype=np.uint32)
    by_core = _core.score_pairs(sides[0], sides[1], numbers, numbers, similarity="dot", isa=None)
    scores, left_open = canonical.chains(*map(torch.from_numpy, sides))
    closed = ~left_open.numpy()
    assert scores.numpy()[closed].tobytes() == by_core[closed].tobytes()
    assert near_one or closed.mean() > 0.99


def test_half_way_sums_are_left_open() -> None:
    # 1 + 2^-23 + 2^-24 - 2^-70: below half-way by a bit that float64 cannot hold, which would round up.
    near = 2.0**-23
    queries = torch.tensor([[1, 1 + near], [1, 1]])
    documents = torch.tensor([[1 + near, (1 - near) / 2**24], [1 + near, 2.0**-26]])
    scores, left_open = canonical.chains(queries, documents)
    assert left_open.tolist() == [True, False]
    numbers = np.arange(2, dtype=np.uint32)
    by_core = _core.score_pairs(queries.numpy(), documents.numpy(), numbers, numbers, similarity="dot", isa=None)
    assert (scores.numpy() == by_core).tolist() == [False, True]


def test_prepared_rows_have_the_bits_of_the_core() -> None:
    for dimension in (1, 7, 8, 9, 100):
        rows = (RNG.standard_normal((300, dimension)) * 10.0 ** RNG.integers(-38, 38, (300, 1))).astype(np.float32)
        rows[~rows.any(axis=1)] = 1
        ready, _ = prepare.prepared(torch.from_numpy(rows), "cosine")
        # A unit vector's score is the component itself.
        documents, components = (index.astype(np.uint32) for index in np.indices((300, dimension)).reshape(2, -1))
        axes = np.eye(dimension, dtype=np.float32)
        by_core = _core.score_pairs(axes, rows, components, documents, similarity="cosine", isa=None)
        assert np.array_equal(ready.numpy().reshape(-1), by_core)


def multiplied_products(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """Documents and arithmetic of each product from here on."""
    products, multiplied = [], piece.multiplied

    def noted(queries: Any, documents: Any, precision: str) -> Any:
        products.append((len(documents), precision))
        return multiplied(queries, documents, precision)

    monkeypatch.setattr(piece, "multiplied", noted)
    return products


def test_the_fastest_arithmetic_is_found_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piece, "precisions_of", lambda device: PRECISIONS)
    products = multiplied_products(monkeypatch)
    case = Case(RNG.standard_normal((3, 24)), RNG.standard_normal((100, 24)))
    case.on("cpu", [case.documents[:55], case.documents[55:]], block=11)
    used = [precision for _, precision in products]
    assert used[:4] == ["float32", *PRECISIONS]
    assert len(used) == 10
    assert len(set(used[4:])) == 1


def test_settings_of_torch_neither_disturb_nor_change() -> None:
    case = Case(RNG.standard_normal((5, 64)), nearly_equal(300, 64))
    matmul = torch.backends.mkldnn.matmul
    torch.set_float32_matmul_precision("medium")
    torch.set_default_dtype(torch.float64)
    earlier = getattr(matmul, "fp32_precision", None)
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            case.on("cpu")
        assert (torch.get_float32_matmul_precision(), torch.get_default_dtype()) == ("medium", torch.float64)
        assert getattr(matmul, "fp32_precision", None) == earlier
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_float32_matmul_precision("highest")


def test_a_device_that_computes_badly_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        arithmetic,
        "multiplied",
        lambda queries, documents, precision: (queries.bfloat16() @ documents.bfloat16().T).float(),
    )
    with pytest.raises(UsageError, match="products of cpu in float32 are less exact than its arithmetic allows"):
        cm.search(np.eye(24), np.eye(24), k=1, device="cpu")


def test_blocks_and_batches_fit_into_the_workspace() -> None:
    for queries, dimension, workspace in (
        (1, 8, 10**5),
        (100, 384, 10**7),
        (10_000, 384, 10**8),
        (10_000, 4096, 10**9),
    ):
        batch, documents = blocks.sizes(queries, dimension, workspace)
        assert 1 <= batch <= queries
        needed = 12 * queries * dimension + documents * (24 * dimension + 30 * batch)
        assert documents == 1 or workspace / 2 < needed < workspace
    assert blocks.sizes(10**6, 4096, 1000) == (1, 1)
    batch, documents = blocks.sizes(10_000, 8, 10**13)
    assert batch * documents < 2**31


def test_a_budget_bounds_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(RNG.standard_normal((40, 24)), RNG.standard_normal((3000, 24)))
    products = multiplied_products(monkeypatch)
    case.on("cpu", k=3, memory_budget="600kB")
    assert max(documents for documents, _ in products) < 1000
    assert len(products) > 3
    with pytest.raises(UsageError, match="memory_budget is 5kB, but one query needs about"):
        case.on("cpu", k=3, memory_budget="5kB")


def test_an_executor_of_other_processes_is_refused() -> None:
    class Elsewhere(LocalExecutor):
        in_process = False

    with pytest.raises(UsageError, match="a scan on a device runs in this process"):
        cm.search(np.eye(3), np.eye(3), k=1, device="cpu", executor=Elsewhere())


def test_packed_bits() -> None:
    bits = RNG.integers(0, 256, (80, 4), dtype=np.uint8)
    options: dict[str, Any] = {"relevant": [[3], [4, 5]], "k": 6, "similarity": "hamming"}
    assert_same(cm.scan(bits[:2], bits, device="cpu", **options), cm.scan(bits[:2], bits, **options))


def test_an_evaluation_is_the_same() -> None:
    demo = cm.load("demo", languages=["en", "de"])
    queries, documents = (
        RNG.standard_normal((len(texts), 16)).astype(np.float32) for texts in (demo.queries, demo.documents)
    )
    encoder = PrecomputedEncoder(queries, documents)
    options: dict[str, Any] = {"measures": ["MaxR", "nDCG@10"], "resamples": 0}
    assert cm.evaluate(demo, encoder, scan_device="cpu", **options).rows == cm.evaluate(demo, encoder, **options).rows
    with pytest.raises(UsageError, match="device 'abacus' cannot be used"):
        cm.evaluate(demo, encoder, scan_device="abacus", **options)
    with pytest.raises(UsageError, match="a device of the scan is for embeddings, but bm25"):
        cm.evaluate(demo, "bm25", scan_device="cpu", **options)
