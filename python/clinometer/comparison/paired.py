"""Paired values: the per-query values of two evaluations side by side, by scenario and measure, one line per question.

A value counts only where both evaluations have one, so every mean is over the same queries before and after. What is
left out for that reason is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinometer.errors import UsageError

__all__ = ["KEYS", "Block", "Place", "Settings", "blocks_of", "pair_settings"]

KEYS = ("query_id", "query_language", "scenario", "pool_languages", "question")
"""Columns of `Evaluation.per_query` that are no measures."""

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
        rows: For each setting the rows in the table before and in the table after, query by query the same.
        questions: Number of each setting's questions, in the same order.
        single: How many settings only one of the two has.
    """

    rows: dict[Place, tuple[NDArray[np.int64], NDArray[np.int64]]]
    questions: dict[Place, NDArray[np.int64]]
    single: int


@dataclass(frozen=True)
class Block:
    """One measure in the settings of one scenario, NaN where it is not defined both before and after.

    Args:
        scenario: Its name.
        measure: In canonical spelling.
        places: The settings, one for each column.
        before: `(questions, settings)`.
        after: The same under the other condition.
        lost: Values that only one of the two evaluations has.
    """

    scenario: str
    measure: str
    places: tuple[Place, ...]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    lost: int


def pair_settings(before: Table, after: Table, names: tuple[str, str]) -> Settings:
    """Match the settings of two tables of `per_query`, and their queries.

    Args:
        before: Columns as in `Evaluation.per_query`.
        after: The same.
        names: What the two are called in errors.

    Raises:
        UsageError: No setting is in both; a setting has other queries or other questions, or a query twice.
    """
    first, second = _places(before), _places(after)
    common = [place for place in first if place in second]
    if not common:
        raise UsageError(f"{names[0]} and {names[1]} have no setting in common; evaluate the same scenarios with both")
    rows, questions = {}, {}
    for place in common:
        ordered = []
        for table, number, name in ((before, first[place], names[0]), (after, second[place], names[1])):
            ids, at = np.unique(table["query_id"][number], return_index=True)
            if len(ids) < len(number):
                raise UsageError(f"{name} has a query twice in {place}; evaluate again")
            ordered.append((ids, number[at]))
        (ids, here), (others, there) = ordered
        if not np.array_equal(ids, others):
            odd = np.setxor1d(ids, others)
            raise UsageError(
                f"{names[0]} and {names[1]} have different queries in {place}: {len(odd)} are in one only, such as "
                f"{str(odd[0])!r}; evaluate both on the same collection"
            )
        if not np.array_equal(before["question"][here], after["question"][there]):
            raise UsageError(
                f"{names[0]} and {names[1]} differ in which queries are translations of each other in {place}; "
                "evaluate both on the same collection"
            )
        rows[place], questions[place] = (here, there), before["question"][here]
    return Settings(rows, questions, len(first) + len(second) - 2 * len(common))


def blocks_of(
    before: Table, after: Table, settings: Settings, scenarios: Sequence[str], measures: Sequence[str]
) -> Iterator[Block]:
    """Blocks by scenario, then measure; those without any value in both tables are left out."""
    size = 1 + max((int(numbers.max()) for numbers in settings.questions.values() if len(numbers)), default=0)
    for scenario in scenarios:
        places = [place for place in settings.rows if place.scenario == scenario]
        for measure in measures:
            columns: list[NDArray[np.float64]] = []
            held: list[Place] = []
            lost = 0
            for place in places:
                pair = np.full((2, size), np.nan)
                for values, table, rows in zip(pair, (before, after), settings.rows[place], strict=True):
                    if measure in table:
                        values[settings.questions[place]] = table[measure][rows]
                known = ~np.isnan(pair)
                lost += int(np.count_nonzero(known[0] != known[1]))
                pair[:, ~known.all(axis=0)] = np.nan
                if known.all(axis=0).any():
                    columns.append(pair)
                    held.append(place)
            if held:
                both = np.stack(columns, axis=2)
                yield Block(scenario, measure, tuple(held), both[0], both[1], lost)


def _places(table: Table) -> dict[Place, NDArray[np.int64]]:
    """Rows of each setting."""
    keys = [table[name].tolist() for name in ("scenario", "query_language", "pool_languages")]
    rows: dict[tuple[str, str, str], list[int]] = {}
    for number, key in enumerate(zip(*keys, strict=True)):
        rows.setdefault(key, []).append(number)
    return {Place(key[0], key[1], tuple(key[2].split("+"))): np.array(found) for key, found in rows.items()}
