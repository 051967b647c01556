"""The queries that were hurt most, with their texts, ranks and scores, from the examples of an error analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clinometer.report.base import wording
from clinometer.report.base.section import Case, Cases, Entry
from clinometer.report.evaluation.view import Reading

__all__ = ["SCENARIOS", "category_name", "shortened", "worst_cases"]

SCENARIOS = ("one-sided", "multi", "multilingual")
"""Scenarios of an error analysis, in the order of a report."""
_SHOWN = 280


def category_name(category: str, pivot: str) -> str:
    """A category as readers see it."""
    return {
        "answer": "the answer",
        "translation": "answer in another language",
        "duplicate": "duplicate of an answer",
        "near-tie": "near-tie",
        "pivot": f"unrelated {pivot}",
        "same-language": "unrelated, query's language",
        "other-language": "unrelated, other language",
    }.get(category, category)


def worst_cases(readings: Sequence[Reading], languages: Sequence[str]) -> tuple[Cases, ...]:
    """The examples of every result, by scenario, and in it by language, in the order of the report."""
    cases_by_language = []
    for reading in readings:
        examples = (reading.analysis or {}).get("examples", ())
        for scenario in SCENARIOS:
            for language in [*languages, reading.pivot]:
                worst = [e for e in examples if (e["scenario"], e["query_language"]) == (scenario, language)]
                if worst:
                    prefix = f"{reading.label}: " if len(readings) > 1 else ""
                    name = wording.language_name(language)
                    number = "the one hurt most" if len(worst) == 1 else f"the {len(worst)} hurt most"
                    cases = tuple(_case(example, reading) for example in worst)
                    title = f"{name} queries: {number}"
                    cases_by_language.append(Cases(f"{prefix}{scenario}", title, cases, language))
    return tuple(cases_by_language)


def _case(example: Mapping[str, Any], reading: Reading) -> Case:
    pivot = wording.language_name(reading.pivot)
    above = example["above"]
    intruders = " and ".join(f"{wording.count(n)} in {wording.language_name(label)}" for label, n in above.items())
    pool = " and ".join(wording.language_name(label) for label in example["pool_languages"][:2])
    if len(example["pool_languages"]) > 2:
        pool = f"{len(example['pool_languages'])} languages"
    summary = (
        f"In the pool of {pool}, the {wording.language_name(example['query_language'])} answer "
        + (f"has rank {wording.count(example['rank'])}. " if example["rank"] else "was not retrieved. ")
        + f"Unrelated documents above it: {intruders}."
    )
    entries = [
        Entry(
            document["rank"], document["category"], category_name(document["category"], pivot),
            "" if document["margin"] is None else f"+{document['margin']:.3g}", str(document["id"]),
            document["language"], shortened(document["text"]), _score(document),
        )
        for document in example["first"]
    ]  # fmt: skip
    answer = example["answer"]
    entries.append(
        Entry(example["rank"] or "–", "answer", "the answer", "", str(answer["id"]), answer["language"],
              shortened(answer["text"]), _score(answer))
    )  # fmt: skip
    return Case(
        shortened(example["query"]), example["query_language"], str(example["query_id"]), summary, tuple(entries)
    )


def _score(document: Mapping[str, Any]) -> str:
    score = document.get("score")
    return "" if score is None else f"{score:.3g}".replace("-", wording.MINUS)


def shortened(text: str, length: int = _SHOWN) -> str:
    """A text on one line, cut between words where possible, with an ellipsis.

    Example:
        >>> shortened("one two three", 9), shortened("one two", 9)
        ('one two…', 'one two')
    """
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    start = line[: length - 1]
    whole_words = start.rpartition(" ")[0]
    return (whole_words if len(whole_words) > length // 2 else start).rstrip(" ,.;:") + "…"
