"""The form of results and their examples: the types of everything that reports and comparisons rely on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from clinometer.errors import UsageError

__all__ = ["check_example", "check_results"]

# Reports add up and compare these, so neither may overflow.
_Count = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
_Number = Annotated[float, msgspec.Meta(ge=-1e300, le=1e300)]


class _Collection(msgspec.Struct):
    name: str = ""
    languages: list[str] = []
    documents: dict[str, _Count] | None = None
    queries: dict[str, _Count] | None = None
    judgements: _Count = 0
    parallel_groups: _Count = 0
    complete_groups: _Count = 0
    query_fields: dict[str, Any] | None = None
    digest: str | None = None
    notes: dict[str, Any] | None = None


class _Encoder(msgspec.Struct):
    name: str = ""
    kind: str = ""
    revision: str | None = None
    dimension: _Count | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    languages: list[str] | None = None
    warnings: list[str] | None = None
    remedies: list[dict[str, Any]] | None = None
    settings: dict[str, Any] | None = None


class _Settings(msgspec.Struct):
    pivot: str = "en"
    pairs: str | None = None
    scenarios: list[str] | None = None
    measures: list[str] | None = None
    ties: str | None = None
    resamples: _Count | None = None
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    command: str | None = None


class _Row(msgspec.Struct, kw_only=True):
    scenario: str
    query_language: str
    pool_languages: list[str]
    measure: str
    value: _Number | None
    ci_low: _Number | None = None
    ci_high: _Number | None = None
    queries: _Count | None = None
    documents: _Number | None = None
    ties: _Count | None = None


class _Grouped(_Row, kw_only=True):
    field: str
    group: str


class _Category(msgspec.Struct, kw_only=True):
    scenario: str
    query_language: str
    pool_languages: list[str]
    category: str
    queries: _Count
    of: _Count
    share: _Number | None
    ci_low: _Number | None = None
    ci_high: _Number | None = None


class _Answer(msgspec.Struct, kw_only=True):
    id: str
    language: str
    text: str
    score: _Number | None = None


class _Listed(_Answer, kw_only=True):
    rank: _Count
    category: str
    margin: _Number | None


class _Example(msgspec.Struct, kw_only=True):
    scenario: str
    query_language: str
    pool_languages: list[str]
    query_id: str
    query: str
    rank: _Count | None
    max_rank: _Count | None
    answer: _Answer
    above: dict[str, _Count]
    first: list[_Listed]


class _Thresholds(msgspec.Struct):
    tolerance: _Number = 0.0
    overlap: _Number = 0.0
    worst: _Count = 0
    shown: _Count = 0


class _Analysis(msgspec.Struct):
    settings: _Thresholds | None = None
    rows: list[_Category] = []
    examples: list[_Example] = []


class _Results(msgspec.Struct):
    collection: _Collection
    encoder: _Encoder
    settings: _Settings
    rows: list[_Row]
    notices: list[str] | None = None
    by: list[_Grouped] | None = None
    analysis: _Analysis | None = None


def check_results(content: Mapping[str, Any]) -> None:
    """Refuse content of a `results.json` whose parts have other types than `clinometer evaluate` writes.

    Raises:
        UsageError: The message names the position, such as `$.rows[3].value`.
    """
    _check(content, _Results)


def check_example(example: Mapping[str, Any]) -> None:
    """Refuse an example of an error analysis likewise.

    Raises:
        UsageError: The message names the position.
    """
    _check(example, _Example)


def _check(content: Mapping[str, Any], kind: Any) -> None:
    try:
        msgspec.convert(content, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise UsageError(str(error)) from None
