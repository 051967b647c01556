"""Paired values: the per-query values of two evaluations by scenario and measure, one row per question.

A value counts only if both evaluations have one, so every mean is over the same queries before and after. Values left
out for that reason are counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import UsageError

__all__ = ["CLUSTER", "KEYS", "PairedValues", "Place", "Settings", "pair_settings", "paired_values"]

KEYS = ("query_id", "query_language", "scenario", "pool_languages", "question")
"""Columns of `Evaluation.per_query` that a comparison needs besides the measures."""

CLUSTER = "cluster"
"""Column of `Evaluation.per_query` with the number of each query's cluster; results of older versions have none."""

Table = Mapping[str, NDArray[Any]]


class Place(NamedTuple):
    """The queries of one language against one pool, in one scenario."""

    scenario: str
    query_language: str
    pool: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.scenario}, {self.query_language} queries, pool {'+'.join(self.pool)}"


@dataclass(frozen=True)
class Settings:
    """Settings that both evaluations have, with the rows of their tables in one order.

    Args:
        rows: Rows of each setting in the table before and in the table after, query by query the same.
        questions: Numbers of each setting's questions, in the same order.
        clusters: `(questions,)`: number of each question's cluster, -1 where no setting has the question; None if
            neither evaluation has clusters.
        unshared: Number of settings that only one of the two has.
    """

    rows: dict[Place, tuple[NDArray[np.int64], NDArray[np.int64]]]
    questions: dict[Place, NDArray[np.int64]]
    clusters: NDArray[np.int64] | None
    unshared: int

    @property
    def size(self) -> int:
        """Number of questions."""
        return _size(self.questions)


@dataclass(frozen=True)
class PairedValues:
    """One measure in the settings of one scenario, NaN where it is not defined both before and after.

    Args:
        scenario: Name of the scenario.
        measure: Name of the measure, in canonical spelling.
        places: Settings, one for each column.
        clusters: `(questions,)`: number of each question's cluster, or None.
        before: `(questions, settings)`: values of the evaluation before.
        after: `(questions, settings)`: values of the evaluation after.
        unpaired: Number of values that only one of the two evaluations has.
    """

    scenario: str
    measure: str
    places: tuple[Place, ...]
    clusters: NDArray[np.int64] | None
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    unpaired: int


def pair_settings(before: Table, after: Table, names: tuple[str, str]) -> Settings:
    """Match the settings of two tables of `Evaluation.per_query`, and their queries; `names` are for errors.

    Raises:
        UsageError: No setting is in both, or a setting has different queries, different questions or a query twice.
    """
    first, second = _places(before), _places(after)
    common = [place for place in first if place in second]
    if not common:
        raise UsageError(f"{names[0]} and {names[1]} have no setting in common; evaluate the same scenarios with both")
    rows, questions = {}, {}
    for place in common:
        sorted_rows = []
        for table, table_rows, name in ((before, first[place], names[0]), (after, second[place], names[1])):
            ids, order = np.unique(table["query_id"][table_rows], return_index=True)
            if len(ids) < len(table_rows):
                raise UsageError(f"{name} has a query twice in {place}; evaluate again")
            sorted_rows.append((ids, table_rows[order]))
        (ids_before, rows_before), (ids_after, rows_after) = sorted_rows
        if not np.array_equal(ids_before, ids_after):
            unshared_ids = np.setxor1d(ids_before, ids_after)
            raise UsageError(
                f"{names[0]} and {names[1]} have different queries in {place}: {len(unshared_ids)} are in only one, "
                f"such as {str(unshared_ids[0])!r}; evaluate both on the same collection"
            )
        if not np.array_equal(before["question"][rows_before], after["question"][rows_after]):
            raise UsageError(
                f"{names[0]} and {names[1]} differ in which queries are translations of each other in {place}; "
                "evaluate both on the same collection"
            )
        rows[place], questions[place] = (rows_before, rows_after), before["question"][rows_before]
    clusters = _clusters(before, after, rows, questions, names)
    return Settings(rows, questions, clusters, len(first) + len(second) - 2 * len(common))


def _clusters(
    before: Table,
    after: Table,
    rows: Mapping[Place, tuple[NDArray[np.int64], NDArray[np.int64]]],
    questions: Mapping[Place, NDArray[np.int64]],
    names: tuple[str, str],
) -> NDArray[np.int64] | None:
    """The cluster of each question, from whichever table has clusters; both must agree on what is together."""
    numbered = []
    for side, table in enumerate((before, after)):
        if CLUSTER in table:
            clusters = np.full(_size(questions), -1, dtype=np.int64)
            for place, sides in rows.items():
                clusters[questions[place]] = table[CLUSTER][sides[side]]
            numbered.append(clusters)
    if len(numbered) == 2 and not _same_parts(*numbered):
        raise UsageError(
            f"{names[0]} and {names[1]} differ in which questions share an answer; evaluate both on the same collection"
        )
    return numbered[0] if numbered else None


def _same_parts(first: NDArray[np.int64], second: NDArray[np.int64]) -> bool:
    """Whether two numberings put the same questions together."""
    pairs = np.unique(np.stack([first, second]), axis=1)
    return bool(pairs.shape[1] == len(np.unique(first)) == len(np.unique(second)))


def _size(questions: Mapping[Place, NDArray[np.int64]]) -> int:
    return 1 + max((int(numbers.max()) for numbers in questions.values() if len(numbers)), default=0)


def paired_values(
    before: Table, after: Table, settings: Settings, scenarios: Sequence[str], measures: Sequence[str]
) -> Iterator[PairedValues]:
    """Paired values by scenario, then measure; measures without a value in both tables are left out."""
    size = settings.size
    for scenario in scenarios:
        places = [place for place in settings.rows if place.scenario == scenario]
        for measure in measures:
            columns: list[NDArray[np.float64]] = []
            measured: list[Place] = []
            unpaired = 0
            for place in places:
                pair = np.full((2, size), np.nan)
                for values, table, rows in zip(pair, (before, after), settings.rows[place], strict=True):
                    if measure in table:
                        values[settings.questions[place]] = table[measure][rows]
                known = ~np.isnan(pair)
                unpaired += int(np.count_nonzero(known[0] != known[1]))
                pair[:, ~known.all(axis=0)] = np.nan
                if known.all(axis=0).any():
                    columns.append(pair)
                    measured.append(place)
            if measured:
                pairs = np.stack(columns, axis=2)
                yield PairedValues(scenario, measure, tuple(measured), settings.clusters, pairs[0], pairs[1], unpaired)


def _places(table: Table) -> dict[Place, NDArray[np.int64]]:
    """Rows of each setting."""
    keys = [table[name].tolist() for name in ("scenario", "query_language", "pool_languages")]
    rows: dict[tuple[str, str, str], list[int]] = {}
    for number, key in enumerate(zip(*keys, strict=True)):
        rows.setdefault(key, []).append(number)
    return {Place(key[0], key[1], tuple(key[2].split("+"))): np.array(numbers) for key, numbers in rows.items()}
