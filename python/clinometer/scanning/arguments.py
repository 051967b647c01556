"""Checked arguments of a scan, in the form that the core takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer import _core
from clinometer.collection.columns import CodedColumn
from clinometer.encoders.similarity import check_similarity
from clinometer.errors import EmbeddingError, UsageError, shown
from clinometer.memory import refuse_more_than_available
from clinometer.numerals import read_bytes
from clinometer.parameters import choice, switch, texts, thread_number, whole
from clinometer.scanning.counts import TieMode, check_ties
from clinometer.scanning.device.options import PRECISIONS, DeviceOptions, check_device
from clinometer.scanning.device.tensors import is_exchanged, tensor_rows
from clinometer.scanning.sources import Held, Source, arrays_in, sources_of_store
from clinometer.store.reader import EmbeddingStore
from clinometer.vectors import array_of, named_type, refuse_masked

__all__ = [
    "MOST_DOCUMENTS",
    "Relevant",
    "bytes_of",
    "check_options",
    "codes_of",
    "device_of",
    "embedding_rows",
    "repeated_pair",
    "sources_of",
    "stores_of",
    "targets_of",
    "tie_places",
]

MOST_DOCUMENTS = (1 << 32) - 1
"""Documents of a pool, which are numbered in 32 bits."""

Relevant = Sequence[ArrayLike] | Mapping[int, ArrayLike] | tuple[NDArray[Any], NDArray[Any]]


def tie_places(ties: TieMode, ids: Sequence[str] | None, size: int) -> NDArray[np.uint32] | None:
    """Place of each document in the tie order of a scan, None for the order of position.

    `trec` orders as trec_eval does, by the bytes of the id, descending; without ids a later position counts as a
    greater id.
    """
    names = None if ids is None else texts(ids, "document_ids")
    if names is not None and len(names) != size:
        raise UsageError(f"{len(names)} document ids for {size} documents; give one for each")
    if ties != "trec":
        return None
    if names is None:
        return np.arange(size - 1, -1, -1, dtype=np.uint32)
    # Text that came out of bytes that are not UTF-8 goes back to these bytes.
    order = sorted(range(size), key=lambda row: names[row].encode(errors="surrogatepass"), reverse=True)
    places = np.empty(size, dtype=np.uint32)
    places[order] = np.arange(size, dtype=np.uint32)
    return places


def embedding_rows(rows: ArrayLike | EmbeddingStore, what: str, *, device: str | None = None) -> NDArray[Any]:
    """Embeddings as C-contiguous float32 or float16; arrays that already are, and memory maps, are not copied.

    For a scan on a device, DLPack passes the arrays of other libraries.
    """
    if device is not None and is_exchanged(rows):
        return tensor_rows(rows, what).open()
    if isinstance(rows, EmbeddingStore):
        rows = rows.take(np.arange(len(rows)))
    array = array_of(rows, what)
    if array.ndim != 2 or array.shape[1] == 0:
        raise EmbeddingError(f"{what} have shape {array.shape}, but must be (rows, dimension)")
    kept = array.dtype in (np.float32, np.float16)
    if not kept and array.dtype.kind not in "iuf":
        raise EmbeddingError(f"{what} are {array.dtype}, but must be float32 or float16")
    if kept and array.flags.c_contiguous and array.flags.aligned:
        return array
    refuse_more_than_available(
        array.size * (array.dtype.itemsize if kept else 4), f"{what} in the form of a scan", "pass fewer rows at a time"
    )
    # What does not fit into float32 becomes infinite, which the core refuses by row.
    with np.errstate(over="ignore"):
        return np.require(array, dtype=array.dtype if kept else np.float32, requirements=["C", "A"])


def stores_of(documents: object) -> list[EmbeddingStore]:
    """The documents as a list of stores; empty if they are arrays."""
    items: Sequence[object] = documents if isinstance(documents, (list, tuple)) else [documents]
    stores = [item for item in items if isinstance(item, EmbeddingStore)]
    return stores if len(stores) == len(items) else []


def sources_of(documents: Any, *, device: str | None = None) -> list[Source]:
    """The documents as consecutive shards; a single array is one shard, and for a device a tensor stays one."""
    if stores := stores_of(documents):
        return [source for store in stores for source in sources_of_store(store)]
    return [
        tensor_rows(rows, "documents") if device is not None and is_exchanged(rows)
        else Held(embedding_rows(rows, "documents"))
        for rows in arrays_in(documents)
    ]  # fmt: skip


def check_options(
    k: int,
    ties: str,
    similarity: str,
    precision: str | None,
    threads: int | None,
    block: int,
    kernel: str | None,
    *,
    pool_k: int = 0,
    per_language: bool = False,
    show_progress_bar: bool = False,
    device: str | None = None,
) -> None:
    """Refuse invalid options of a scan; the message gives the valid values."""
    for name, length in (("k", k), ("pool_k", pool_k)):
        whole(length, name, least=0, most=MOST_DOCUMENTS)
    switch(per_language, "per_language")
    check_ties(ties)
    check_similarity(similarity)
    if precision is not None:
        choice(precision, "precision of a scan on a device" if device else "precision", _precisions(device))
    thread_number(threads)
    whole(block, "block", least=1, most=MOST_DOCUMENTS)
    switch(show_progress_bar, "show_progress_bar")
    if kernel is not None and (not isinstance(kernel, str) or kernel not in _core.instruction_sets()):
        raise UsageError(f"this machine has no kernel {shown(kernel)}; it has {', '.join(_core.instruction_sets())}")


def _precisions(device: str | None) -> tuple[str, ...]:
    return ("float32", "int16-certified") if device is None else PRECISIONS


def device_of(
    device: str | None,
    *,
    precision: str | None = None,
    memory_budget: int | str | None = None,
) -> DeviceOptions | None:
    """Options of the passes on a device, None for passes of the core; half of a memory budget is for its blocks.

    Raises:
        MissingExtraError: torch is not installed.
        UsageError: The device cannot be used.
    """
    if device is None:
        return None
    workspace = None if memory_budget is None else bytes_of(memory_budget) // 2
    return DeviceOptions(check_device(device), precision, workspace)


def codes_of(languages: Any, size: int) -> tuple[tuple[str, ...], NDArray[np.uint16]]:
    """Labels in order of first appearance, and each document's code."""
    refuse_masked(languages, "languages", UsageError)
    if languages is None:
        return ("",), np.zeros(size, dtype=np.uint16)
    if isinstance(languages, CodedColumn):
        languages = languages.compact()
        if len(languages) == size and len(languages.labels) <= 1 << 16:
            return languages.labels, languages.codes.astype(np.uint16)
    if not isinstance(languages, (Sequence, np.ndarray)):
        languages = texts(languages, "languages")
    values = _integers(languages)
    if values is not None:
        labels: Sequence[str] | NDArray[Any] = []
    elif isinstance(languages, np.ndarray) and languages.ndim == 1 and languages.dtype.kind == "U":
        labels = languages  # read one by one: as a list they would take many times the memory
    else:
        labels = texts(languages, "languages")
    count = len(labels) if values is None else len(values)
    if count != size:
        raise UsageError(f"{count} languages for {size} documents; give one for each")
    if values is not None:
        # Read as unsigned numbers, negative ones are greater than any code: one look at a long column instead of two.
        greatest = int(values.view(values.dtype.str.replace("i", "u")).max(initial=0))
        if greatest > min(np.iinfo(values.dtype).max, (1 << 16) - 1):
            raise UsageError("language codes must be between 0 and 65535")
        return tuple(str(code) for code in range(greatest + 1)), values.astype(np.uint16)
    code_of: dict[str, int] = {}
    codes = np.fromiter((code_of.setdefault(str(label), len(code_of)) for label in labels), np.int64, size)
    if len(code_of) > 1 << 16:
        raise UsageError(f"{len(code_of):,} languages, but at most 65,536 are supported")
    return tuple(code_of), codes.astype(np.uint16)


def _integers(values: Sequence[Any] | NDArray[Any]) -> NDArray[Any] | None:
    """Integers as an array of one dimension; None if they are something else."""
    if isinstance(values, np.ndarray):
        return values if values.ndim == 1 and values.dtype.kind in "iu" else None
    kinds = set() if isinstance(values, bytes) else set(map(type, values))
    if not kinds or not all(issubclass(kind, (int, np.integer)) and kind is not bool for kind in kinds):
        return None
    try:
        return np.array(values, dtype=np.int64)
    except (OverflowError, ValueError, TypeError):
        raise UsageError("language codes must be between 0 and 65535") from None


def targets_of(
    relevant: Relevant | None, queries: int, size: int, kind: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Documents of each query as CSR `(indptr, positions)`; errors call them `kind` documents."""
    refuse_masked(relevant, f"positions of {kind} documents", UsageError)
    if relevant is None:
        return np.zeros(queries + 1, dtype=np.int64), np.empty(0, dtype=np.int64)
    if _is_csr(relevant, queries):
        if any(np.asarray(column).dtype.kind not in "iu" for column in relevant):
            raise UsageError(f"indptr and indices of the {kind} documents must be integers")
        indptr, rows = (_positions(column, f"the {kind} documents") for column in relevant)
        if indptr[0] != 0 or indptr[-1] != len(rows) or np.any(np.diff(indptr) < 0):
            raise UsageError(f"indptr of the {kind} documents must ascend from 0 to the number of indices")
    else:
        lists = [
            _positions(positions, f"the {kind} documents of query {query}")
            for query, positions in enumerate(_by_query(relevant, queries, kind))
        ]
        indptr = np.cumsum([0, *(len(positions) for positions in lists)], dtype=np.int64)
        rows = np.concatenate([np.empty(0, np.int64), *lists])
    query_of = np.repeat(np.arange(queries), np.diff(indptr))
    outside = np.flatnonzero((rows < 0) | (rows >= size))
    if outside.size:
        at = outside[0]
        raise UsageError(
            f"query {query_of[at]} names document {rows[at]} as {kind}, but documents are numbered 0 to {size - 1}"
        )
    if (at := repeated_pair(query_of, rows)) is not None:
        raise UsageError(f"query {query_of[at]} names {kind} document {rows[at]} twice; name each one once")
    return indptr, rows


def _by_query(relevant: Any, queries: int, kind: str) -> list[Any]:
    """The documents of each query, from a list in the order of the queries or a mapping by their numbers."""
    if isinstance(relevant, Mapping):
        if not all(isinstance(key, (int, np.integer)) and not isinstance(key, bool) for key in relevant):
            raise UsageError(
                f"{kind} documents are a mapping, whose keys must be the numbers of the queries, 0 to {queries - 1}; "
                "give a list in the order of the queries"
            )
        missing = [query for query in range(queries) if query not in relevant]
        unknown = [query for query in relevant if not 0 <= query < queries]
        if missing or unknown:
            problem = f"lacks query {missing[0]}" if missing else f"has query {shown(unknown[0])}"
            raise UsageError(
                f"the mapping of {kind} documents {problem}; its keys must be the numbers of all queries, 0 to "
                f"{queries - 1}, with an empty list where there are none"
            )
        return [relevant[query] for query in range(queries)]
    if isinstance(relevant, (set, frozenset)) or hasattr(relevant, "keys") or not isinstance(relevant, Iterable):
        raise UsageError(f"{kind} documents are {named_type(relevant)}; give a list with the positions for each query")
    try:
        lists = list(islice(relevant, queries + 1)) if isinstance(relevant, Iterator) else list(relevant)
    except Exception:
        raise UsageError(
            f"{kind} documents are {named_type(relevant)}; give a list with the positions for each query"
        ) from None
    if len(lists) != queries:
        raise UsageError(f"{kind} documents for {len(lists)} queries, but there are {queries}")
    return lists


def _positions(values: Any, what: str) -> NDArray[np.int64]:
    """Whole numbers as a list of int64; one alone is a list of one."""
    try:
        array = np.asarray(values)
    except Exception:
        raise UsageError(f"{what} are {named_type(values)}, but must be a list of integers") from None
    if array.ndim > 1:
        raise UsageError(f"{what} have {array.ndim} dimensions, but must be a list of integers")
    if array.size and array.dtype.kind not in "iu":
        raise UsageError(f"{what} are {array.dtype}, but must be integers")
    if array.dtype == np.uint64 and array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise UsageError(f"{what} hold {array.max()}, but documents are numbered from 0 to at most {MOST_DOCUMENTS:,}")
    return np.atleast_1d(array).astype(np.int64)


def repeated_pair(queries: NDArray[np.int64], documents: NDArray[np.int64]) -> np.int64 | None:
    """The place of a query and document that occur together before; None without one."""
    same_query, further = queries[1:] == queries[:-1], documents[1:] > documents[:-1]
    if ((queries[1:] > queries[:-1]) | (same_query & further)).all():
        return None  # in ascending order, each once, which takes a tenth of the time of sorting to see
    order = np.lexsort((documents, queries))
    repeated = np.flatnonzero((np.diff(documents[order]) == 0) & (np.diff(queries[order]) == 0))
    return order[repeated[0]] if repeated.size else None


def bytes_of(budget: int | str) -> int:
    """Bytes of a memory budget such as `4GB`.

    Example:
        >>> bytes_of("4GB"), bytes_of("512 MB"), bytes_of(1000)
        (4000000000, 512000000, 1000)
    """
    if isinstance(budget, str):
        return read_bytes(budget, "memory_budget")
    return whole(budget, "memory_budget", least=0)


def _is_csr(relevant: Relevant, queries: int) -> bool:
    if not isinstance(relevant, tuple) or len(relevant) != 2:
        return False
    return all(isinstance(column, np.ndarray) and column.ndim == 1 for column in relevant) and (
        len(relevant[0]) == queries + 1  # type: ignore[arg-type]
    )
