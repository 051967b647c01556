"""Change of measures as the pool grows: nested pools of all sizes from one scan.

The smallest pool is the collection itself, the larger ones have more and more distractors. Each document is scanned
once, with the label of its language and layer; the counts in a pool are sums over its layers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinometer.collection import Collection
from clinometer.errors import UsageError
from clinometer.evaluation.per_query import SettingValues, setting_values
from clinometer.evaluation.rows import mean_rows
from clinometer.languages import canonical
from clinometer.measures import Measure
from clinometer.parameters import checked
from clinometer.pools.distractors import candidates, check_enough, documents_wanted
from clinometer.pools.nested import list_depth
from clinometer.pools.rebuilt import enlarged
from clinometer.pools.strata import Strata, layers_of, lists_in, ranks_in
from clinometer.scanning.arguments import sources_of, tie_places
from clinometer.scanning.counts import TieMode
from clinometer.scanning.scan import Scan
from clinometer.scenarios import Setting
from clinometer.scenarios.options import EvaluationOptions
from clinometer.scenarios.scanned import ScannedCollection
from clinometer.scenarios.targets import related_targets
from clinometer.scorers import EmbeddedScorer, ScanOptions, Scored, score, scorer
from clinometer.statistics.resampling import Unit
from clinometer.store import EmbeddingStore

__all__ = ["pool_growth"]

GROWTH_MEASURES = ("Complete@10", "MaxR", "MaxRnorm", "RankGap", "Intrusion", "Intrusion(by=own)")


@checked
def pool_growth(
    collection: Collection,
    encoder: Any,
    distractors: Any,
    sizes: Iterable[int],
    *,
    scenario: str | Sequence[str] = "multi",
    measures: Iterable[str | Measure] = GROWTH_MEASURES,
    pivot: str = "en",
    pairs: str = "pivot",
    ties: TieMode = "index",
    resamples: int = 1000,
    resample: Unit = "cluster",
    confidence: float = 0.95,
    seed: int = 0,
    threads: int | None = None,
    show_progress_bar: bool = False,
) -> list[dict[str, Any]]:
    """Measures in nested pools of several sizes, from one encoding and one scan.

    Args:
        collection: Collection of the queries, whose documents are in every pool.
        encoder: As for `clinometer.evaluate`; a scorer without embeddings needs distractors that are all texts.
        distractors: Documents that answer no query, in order of use: a collection (its texts are encoded), a dictionary
            of collections by name, one of embeddings by language (arrays or read-only memory maps, `(n, d)`, or a list
            of these, used from the front), an `EmbeddingStore` (with its languages), or a list of all these. Texts come
            first, in the order of `clinometer.pools.distract` with the same seed. Embeddings must be those of the
            encoder; whether they answer a query cannot be checked.
        sizes: Numbers of documents of a setting's pool, distractors included; languages keep their shares of the
            collection's part of that pool.
        scenario: One of `clinometer.scenarios.SCENARIOS`, or several.
        measures: As for `clinometer.evaluate`.
        pivot: Language towards which bias is measured.
        pairs: `pivot` or `all`.
        ties: Order of equal scores; `trec` with text distractors only.
        resamples: Number of resamples for the intervals of language gaps; 0 for no intervals at all.
        resample: Unit of the intervals: `cluster` or `question`, as for `clinometer.evaluate`.
        confidence: Confidence level of the intervals.
        seed: Seed of the order of distractors and of the resamples.
        threads: Number of threads; the result does not depend on it.
        show_progress_bar: Draw bars on standard error.

    Returns:
        Rows as those of an evaluation, with `size` as the first column, sorted by size. They are equal, bit for bit, to
        those of a separate evaluation of each pool.

    Raises:
        UsageError: An option cannot be used, a size is below the collection's own, or there are too few distractors.
        ClinometerError: As for `clinometer.evaluate`.

    Example:
        >>> import clinometer as cm, numpy as np
        >>> demo = cm.load("demo", languages=["en", "de"])
        >>> draw = np.random.default_rng(0)
        >>> noise = {label: draw.normal(size=(500, 512)).astype(np.float16) for label in ("en", "de")}
        >>> rows = cm.pool_growth(demo, "offline", noise, [150, 1000], measures=["MaxRnorm"], resamples=0)
        >>> [(row["size"], row["documents"], row["query_language"]) for row in rows if row["query_language"] == "de"]
        [(150, 150, 'de'), (1000, 1000, 'de')]
    """
    options = EvaluationOptions.of(
        scenarios=[scenario] if isinstance(scenario, str) else scenario, measures=measures, pivot=pivot, pairs=pairs,
        ties=ties, resamples=resamples, resample=resample, confidence=confidence, seed=seed, threads=threads,
    )  # fmt: skip
    sizes = sorted(set(sizes))
    if not sizes:
        raise UsageError("sizes is empty; give one or more, such as 1000 and 10000")
    computed, pivot = options.computed_measures, options.canonical_pivot
    settings = options.settings(collection.languages)
    pools = _pools(collection, settings, sizes)
    need = {label: max(pool.first.get(label, 0) for pool in pools) for label in collection.languages}
    parent, more = _documents(collection, distractors, need, seed)
    if more and ties == "trec":
        raise UsageError("ties 'trec' needs document ids, which embeddings do not have; choose another tie mode")
    labels = np.concatenate([np.array(parent.documents.languages, dtype=np.str_), *(part.languages for part in more)])
    strata = layers_of(labels, [pool.first for pool in pools])
    scored = _scored(parent, encoder, more, ScanOptions(threads=threads, show_progress_bar=show_progress_bar))
    indptr, targets, grades = related_targets(collection)
    if not len(targets):
        raise UsageError(f"no query of {collection.name!r} has a relevant document; add judgements")
    ids = parent.documents.ids if ties == "trec" else None
    scan_result = scored.scan(
        relevant=(indptr, targets),
        languages=strata.labels.tolist(),
        k=min(list_depth([str(measure) for measure in computed], indptr), len(labels)),
        per_language=True,
        ties=ties,
        document_ids=ids,
    )
    layered = _Layered(collection, scan_result, strata, labels, grades, tie_places(ties, ids, len(labels)), ties)
    queries_only = layered.scanned(0, pools[0])  # rows depend only on its queries, which all pools share
    rows = []
    for size in sizes:
        results: list[SettingValues] = []
        for number, pool in enumerate(pools):
            if pool.size == size:
                pool_settings = [setting for setting in settings if setting.pool == pool.languages]
                results += setting_values(layered.scanned(number, pool), computed, pool_settings, pivot)
        results.sort(key=lambda result: settings.index(result.setting))
        means = mean_rows(queries_only, results, options.chosen_measures, pivot, options.resamples)
        rows += [{"size": size, **row} for row in means]
    return rows


class _SizedPool(NamedTuple):
    """Languages and size of a pool, and its number of documents of each language."""

    languages: tuple[str, ...]
    size: int
    first: dict[str, int]


def _pools(collection: Collection, settings: Sequence[Setting], sizes: Sequence[int]) -> list[_SizedPool]:
    own = Counter(collection.documents.languages)
    sized_pools = []
    for languages in dict.fromkeys(setting.pool for setting in settings):
        collection_counts = {label: own[label] for label in languages if own[label]}
        if collection_counts:
            subject = f"the collection {collection.name!r} in {', '.join(languages)}"
            sized_pools += [
                _SizedPool(languages, size, documents_wanted(collection_counts, size, subject)) for size in sizes
            ]
    return sized_pools


class _Rows(NamedTuple):
    """Embeddings of distractors, and the language of each."""

    languages: NDArray[np.str_]
    rows: NDArray[Any]


def _documents(
    collection: Collection, distractors: Any, need: Mapping[str, int], seed: int
) -> tuple[Collection, list[_Rows]]:
    """The collection with the texts that are needed and available, and embeddings for the remaining documents."""
    others: dict[str, Collection] = {}
    embedded_rows: list[_Rows] = []
    for item in _items(distractors):
        if isinstance(item, _Rows):
            embedded_rows.append(item)
        else:
            others[item[0]] = item[1]
    left = Counter(need) - Counter(collection.documents.languages)
    needed = dict(left)
    texts, _ = candidates(collection, others, seed)
    available = Counter(texts.languages) + Counter(
        {
            label: int(np.sum(part.languages == label))
            for part in embedded_rows
            for label in set(part.languages.tolist())
        }
    )
    text_rows = []
    for row, label in enumerate(texts.languages):
        if left[label] > 0:
            left[label] -= 1
            text_rows.append(row)
    more = []
    for part in embedded_rows:
        used = np.zeros(len(part.languages), dtype=np.bool_)
        for label in set(part.languages.tolist()):
            rows = np.flatnonzero(part.languages == label)[: max(left[label], 0)]
            used[rows] = True
            left[label] -= len(rows)
        end = int(np.flatnonzero(used)[-1]) + 1 if used.any() else 0
        if end:
            # Cut only at the end, so that a memory map is not copied; surplus rows are in no pool.
            more.append(_Rows(part.languages[:end], part.rows[:end]))
    check_enough(needed, available)
    return enlarged(collection, texts.take(text_rows)), more


def _items(distractors: Any) -> Iterator[_Rows | tuple[str, Collection]]:
    if isinstance(distractors, Collection):
        yield distractors.name, distractors
    elif isinstance(distractors, EmbeddingStore):
        start = 0
        for rows in (source.open() for source in sources_of(distractors)):
            yield _Rows(np.array(distractors.languages[start : start + len(rows)], dtype=np.str_), rows)
            start += len(rows)
    elif isinstance(distractors, Mapping):
        for name, item in distractors.items():
            if isinstance(item, Collection):
                yield name, item
            else:
                label = canonical(name)
                for part in (source.open() for source in sources_of(item)):
                    yield _Rows(np.full(len(part), label, dtype=f"<U{len(label)}"), part)
    elif isinstance(distractors, (list, tuple)):
        for item in distractors:
            yield from _items(item)
    else:
        raise UsageError(
            f"distractors cannot be a {type(distractors).__name__}; give collections, an EmbeddingStore, or a "
            "dictionary of embeddings by language"
        )


def _scored(parent: Collection, encoder: Any, more: Sequence[_Rows], options: ScanOptions) -> Scored:
    if not more:
        return score(encoder, parent, options)
    chosen = scorer(encoder)
    if not isinstance(chosen, EmbeddedScorer):
        raise UsageError("this scorer needs texts, but some distractors are embeddings; give an encoder, or texts only")
    return chosen.followed_by(*(part.rows for part in more)).score(parent, options)


class _Layered(NamedTuple):
    """The scanned pools, from the one scan."""

    collection: Collection
    scan_result: Scan
    strata: Strata
    labels: NDArray[np.str_]
    grades: NDArray[np.int64]
    places: NDArray[np.uint32] | None
    ties: TieMode

    def scanned(self, number: int, pool: _SizedPool) -> ScannedCollection:
        """The result of `clinometer.scenarios.scanned.ScanPlan.scanned` for one pool."""
        ranks = self.scan_result.ranks
        assert ranks is not None  # noqa: S101 - the scan had relevant documents
        documents, query_of = ranks.documents, np.repeat(np.arange(len(ranks.indptr) - 1), np.diff(ranks.indptr))
        rows = np.flatnonzero(np.isin(self.labels[documents], pool.languages))
        per_query = np.bincount(query_of[rows], minlength=len(self.collection.queries))
        indptr = np.concatenate([[0], np.cumsum(per_query)]).astype(np.int64)
        targets = documents[rows]
        codes = np.full(len(self.labels), -1, dtype=np.int64)
        top = None
        if self.scan_result.top is not None:
            for code, label in enumerate(pool.languages):
                codes[self.labels == label] = code
            all_queries = np.arange(len(self.collection.queries))
            top = lists_in(self.scan_result.top, self.strata, number, list(pool.first), all_queries)
        return ScannedCollection(
            collection=self.collection,
            counts=ranks_in(ranks, self.strata, number, pool.languages, rows, indptr),
            grades=self.grades[rows],
            places=targets if self.places is None else self.places[targets].astype(np.int64),
            sizes=np.array([pool.first.get(label, 0) for label in pool.languages], dtype=np.int64),
            codes=codes,
            top=top,
            ties=self.ties,
        )
