"""The form of results and their examples: the types of everything that reports and comparisons rely on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from clinometer.errors import UsageError

__all__ = ["AS_IT_IS", "RESULTS_FORM", "about", "check_example", "check_results"]


def about(description: str) -> msgspec.Meta:
    """A sentence for the reference page of the format, which is made from these types."""
    return msgspec.Meta(description=description)


AS_IT_IS = "none"
"""Name of the remedy that is none, with which the others are compared."""

# Reports add up and compare these, so neither may overflow.
_Count = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
_Number = Annotated[float, msgspec.Meta(ge=-1e300, le=1e300)]


class _Collection(msgspec.Struct):
    """The collection."""

    name: Annotated[str, about("name of the collection")] = ""
    languages: Annotated[list[str], about("labels of its languages")] = []
    documents: Annotated[dict[str, _Count] | None, about("number of documents by language")] = None
    queries: Annotated[dict[str, _Count] | None, about("number of queries by language")] = None
    judgements: Annotated[_Count, about("number of judgements")] = 0
    parallel_groups: Annotated[_Count, about("groups of translations of one text")] = 0
    complete_groups: Annotated[_Count, about("groups that exist in every language")] = 0
    query_fields: Annotated[dict[str, Any] | None, about("fields of the queries, and their number of values")] = None
    digest: Annotated[str | None, about("SHA-256 over ids, texts, languages and judgements")] = None
    notes: Annotated[dict[str, Any] | None, about("what the reader left out, merged or inferred")] = None


class _Encoder(msgspec.Struct):
    """The encoder, or another scorer, with its remedies."""

    name: Annotated[str, about("name of the model, and of the remedies after it")] = ""
    kind: Annotated[str, about("`offline`, `sentence-transformers`, `http`, `precomputed`, `bm25` and others")] = ""
    revision: Annotated[str | None, about("version of the weights: package version, commit or digest")] = None
    dimension: Annotated[_Count | None, about("length of an embedding; 0 without embeddings")] = None
    query_prompt: Annotated[str | None, about("text before each query")] = None
    document_prompt: Annotated[str | None, about("text before each document")] = None
    max_length: Annotated[_Count | None, about("longest input in tokens; null if not limited or unknown")] = None
    dtype: Annotated[str | None, about("data type in which the model computes")] = None
    normalized: Annotated[bool | None, about("whether the encoder itself returns unit vectors")] = None
    similarity: Annotated[str | None, about("similarity that the model states; empty if it states none")] = None
    languages: Annotated[list[str] | None, about("languages that the model supports; null if unknown")] = None
    warnings: Annotated[list[str] | None, about("sentences, such as on a missing prompt")] = None
    remedies: Annotated[
        list[dict[str, Any]] | None, about("adapters and corrections in their order: `method`, `digest`, `settings`")
    ] = None
    settings: Annotated[dict[str, Any] | None, about("what else determines the scores, such as `k1` of BM25")] = None


class _Settings(msgspec.Struct):
    """How it was measured."""

    pivot: Annotated[str, about("language towards which the lean is measured")] = "en"
    pairs: Annotated[str | None, about("`pivot` or `all`")] = None
    scenarios: Annotated[list[str] | None, about("names of the scenarios")] = None
    measures: Annotated[list[str] | None, about("names of the measures")] = None
    ties: Annotated[str | None, about("order of equal scores")] = None
    resamples: Annotated[_Count | None, about("number of resamples of language gaps; 0 for no intervals")] = None
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1), about("level of the intervals")] | None = None
    seed: Annotated[_Count | None, about("seed of the resamples")] = None
    resample: Annotated[str | None, about("unit that counts as independent: `cluster` or `question`")] = None
    clusters: Annotated[_Count | None, about("number of such units")] = None
    questions: Annotated[_Count | None, about("number of questions, translations counted once")] = None
    similarity: Annotated[str | None, about("similarity of the scores")] = None
    exclude_own_id: Annotated[bool | None, about("whether the document with the query's own id was left out")] = None
    query_set: Annotated[str | None, about("queries that the means are over")] = None
    by: Annotated[str | None, about("field of the queries for `by`")] = None
    pool: Annotated[list[str] | None, about("changes of the pool, in their order")] = None
    version: Annotated[str | None, about("version of clinometer")] = None
    command: Annotated[str | None, about("command that gives these results")] = None


class _Row(msgspec.Struct, kw_only=True):
    """One value: a mean over queries."""

    scenario: Annotated[str, about("name of the scenario")]
    query_language: Annotated[str, about("label, or `macro`, `macro-target`, `macro-pivot` for means over languages")]
    pool_languages: Annotated[list[str], about("languages of the pool; `*` for means over languages")]
    measure: Annotated[str, about("name of the measure, in the spelling of [Measures](measures.md)")]
    value: Annotated[_Number | None, about("the value, in the unit of the measure; null if it is not defined")]
    ci_low: Annotated[_Number | None, about("lower end of its interval; null without one")] = None
    ci_high: Annotated[_Number | None, about("upper end of its interval")] = None
    queries: Annotated[_Count | None, about("queries for which the measure is defined")] = None
    documents: Annotated[_Number | None, about("documents of the pool; the median if it differs by query")] = None
    ties: Annotated[_Count | None, about("relevant documents that tie with another document")] = None


class _Grouped(_Row, kw_only=True):
    """A row for the queries of one value of a field."""

    field: Annotated[str, about("name of the field")]
    group: Annotated[str, about("its value")]


class _Category(msgspec.Struct, kw_only=True):
    """How often documents of a category outranked an answer."""

    scenario: Annotated[str, about("as in `rows`")]
    query_language: Annotated[str, about("as in `rows`")]
    pool_languages: Annotated[list[str], about("as in `rows`")]
    category: Annotated[str, about("category of the documents that outranked an answer")]
    queries: Annotated[_Count, about("queries with such a document")]
    of: Annotated[_Count, about("all queries")]
    share: Annotated[_Number | None, about("their share, from 0 to 1")]
    ci_low: Annotated[_Number | None, about("lower end of its interval")] = None
    ci_high: Annotated[_Number | None, about("upper end of its interval")] = None


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
    """Settings of an error analysis."""

    tolerance: Annotated[_Number, about("difference of scores that counts as a near tie")] = 0.0
    overlap: Annotated[_Number, about("share of common words from which a document is a near duplicate")] = 0.0
    worst: Annotated[_Count, about("examples of each language and scenario")] = 0
    shown: Annotated[_Count, about("documents of each example")] = 0


class _Analysis(msgspec.Struct):
    """What outranked the answers."""

    settings: Annotated[_Thresholds | None, about("its settings")] = None
    rows: Annotated[list[_Category], about("shares of queries by category")] = []
    examples: list[_Example] = []


class _Results(msgspec.Struct):
    """Content of `results.json`."""

    collection: Annotated[_Collection, about("the collection")]
    encoder: Annotated[_Encoder, about("the encoder with its remedies")]
    settings: Annotated[_Settings, about("how it was measured")]
    rows: Annotated[list[_Row], about("the values")]
    notices: Annotated[list[str] | None, about("sentences about what was left out")] = None
    schema: Annotated[int, about("version of this format: 1; a file without one is of version 1")] = 1
    by: Annotated[list[_Grouped] | None, about("rows by a field of the queries, if they were asked for")] = None
    analysis: Annotated[_Analysis | None, about("error analysis, if it was asked for")] = None


RESULTS_FORM = _Results
"""The type of `results.json`, for its reference page."""


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
