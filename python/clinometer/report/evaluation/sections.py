"""The sections of a report: their texts and tables; HTML adds the figures.

A section exists only where the results have its rows. Formulas and thresholds are elsewhere: this is choice and words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from clinometer.report.base import wording
from clinometer.report.base.section import Section
from clinometer.report.evaluation.causes import causes
from clinometer.report.evaluation.groups import groups
from clinometer.report.evaluation.preference import preference
from clinometer.report.evaluation.tables import Spec, by_language, by_scenario, first_measure, matrix, overview
from clinometer.report.evaluation.verdict import intrusion_scenario
from clinometer.report.evaluation.view import Reading

__all__ = ["Section", "every_pair", "measures_explained", "mono_measure", "scenario_notes", "sections", "settings"]

_MAIN = ("MaxR", "MaxRnorm", "Complete@10", "Complete@", "nDCG@1", "nDCG@10", "RR", "R@10")
_MONO = ("nDCG@10", "nDCG@", "RR", "RR@", "R@10", "R@", "Success@1", "Success@", "AP", "MaxRnorm")


def sections(readings: Sequence[Reading], languages: Sequence[str]) -> list[Section]:
    """The sections that the results have rows for, in the order of reading."""
    candidates = [
        overview(readings, languages),
        _lean(readings, languages),
        _versions(readings, languages),
        _intrusion(readings, languages),
        causes(readings, languages),
        groups(readings, languages),
        _mono(readings, languages),
        preference(readings, languages),
        _multilingual(readings, languages),
    ]
    filled = [replace(s, tables=tuple(table for table in s.tables if table.lines)) for s in candidates if s]
    return [section for section in filled if section.tables]


def _pivot(readings: Sequence[Reading]) -> str:
    return wording.language_name(readings[0].pivot)


def _lean(readings: Sequence[Reading], languages: Sequence[str]) -> Section:
    pivot = _pivot(readings)
    measures = [first_measure(readings, ["multi"], [name]) for name in ("RankGap", "PivotFirst", "LangShare@")]
    specs = [
        Spec("multi", side, name, f"{pivot} queries" if side == "pivot" else "")
        for name in measures
        if name
        for side in ("target", "pivot")
    ]
    text = (
        f"Each pool holds {pivot} and one other language, and the answer in both. The rank gap compares the depths of "
        "the two answers: 0 is upright; +1 means that the answer in the other language ranks twice as deep as the "
        f"{pivot} one. An encoder that merely prefers the language of the query leans away from {pivot} with queries "
        f"in the other language, and towards it with {pivot} queries. One that leans to {pivot} does so with both."
    )
    note = (
        f"Unmarked columns: queries in the row's language. Pivot first: share of queries whose {pivot} answer comes "
        f"first; 50 is even. Language share: share of {pivot} among the unrelated documents at the top; compare it "
        f"with the share of {pivot} in the pool."
    )
    table = by_language(readings, languages, specs, name="lean", title=f"Lean to {pivot}, by language", note=note)
    return Section("lean", "How far it leans", text, (table,))


def _versions(readings: Sequence[Reading], languages: Sequence[str]) -> Section:
    pivot = _pivot(readings)
    chosen: list[str] = []
    for pattern in _MAIN:
        if pattern == "Complete@" and any(name.startswith("Complete@") for name in chosen):
            continue
        name = first_measure(readings, ["multi"], [pattern])
        if name and name not in chosen:
            chosen.append(name)
    gaps = [name for reading in readings for name in reading.measures("multi") if name.startswith("LanguageGap")]
    specs = [Spec("multi", "target", name) for name in dict.fromkeys([*chosen, *gaps])]
    reverse = [Spec("multi", "pivot", name) for name in chosen]
    text = (
        f"The same pools: {pivot} and one other language, both with the answer. A retriever that treats the languages "
        "alike brings both versions to the top. Max@R is the rank of the deeper one, averaged over the queries."
    )
    tables = (
        by_language(readings, languages, specs, name="versions-target", title="Queries in the target language"),
        by_language(
            readings, languages, reverse, name="versions-pivot", title=f"{pivot} queries, pool with the row's language"
        ),
    )
    return Section("versions", "Does it find both versions?", text, tables)


def _intrusion(readings: Sequence[Reading], languages: Sequence[str]) -> Section | None:
    scenario, pivot = intrusion_scenario(readings, languages), _pivot(readings)
    if scenario is None:
        return None
    # Intruders of the query's own language are another question: `Intrusion(by=own)` is in the full tables.
    names = [name for name in ("Intrusion", "IntrusionCount") if first_measure(readings, [scenario], [name])]
    specs = [
        Spec(scenario, side, name, f"{pivot} queries" if side == "pivot" else "")
        for name in names
        for side in ("target", "pivot")
    ]
    languages_of_answer = "only in the language of the query" if scenario == "one-sided" else "in both languages"
    text = (
        f"Here the pool holds the answer {languages_of_answer}. Intrusion is the share of queries for which at least "
        "one unrelated document of the other language ranks above the answer in the query's language: a reader meets a "
        "wrong page in a foreign language first."
    )
    note = (
        f"Unmarked columns: queries in the row's language, {pivot} documents intrude. {pivot} queries: documents in "
        "the row's language intrude."
    )
    tables = [by_language(readings, languages, specs, name="intrusion", title=f"Intrusion ({scenario})", note=note)]
    if every_pair(readings, scenario):
        order = [readings[0].pivot, *languages]
        for number, reading in enumerate(readings, start=1):
            suffix = f", {reading.label}" if len(readings) > 1 else ""
            title = f"Intrusion by language of the queries (rows) and of the intruders (columns), {scenario}{suffix}"
            name = f"intrusion-pairs-{number}"
            tables.append(matrix(reading, order, "Intrusion", name=name, title=title, pairs=scenario))
    return Section("intrusion", "What ranks above the answer?", text, tuple(tables))


def every_pair(readings: Sequence[Reading], scenario: str = "mono-cross") -> bool:
    """Whether some pair of a scenario is without the pivot, so that a matrix has more than one line and one column."""
    pivot = readings[0].pivot
    return any(
        name == scenario and pivot not in (query, *pool) and not query.startswith("macro")
        for reading in readings
        for name, query, pool in reading.places
    )


def mono_measure(readings: Sequence[Reading]) -> str | None:
    """The measure of the matrix: the first of the usual ones that pools of one language have."""
    return first_measure(readings, ["mono-cross", "mono-same"], _MONO)


def _mono(readings: Sequence[Reading], languages: Sequence[str]) -> Section | None:
    measure, pivot = mono_measure(readings), _pivot(readings)
    if measure is None:
        return None
    text = (
        "Pools of one language, as in most benchmarks: no document of another language can come between. A language "
        "that does well here and badly in the mixed pools above suffers from the mixing."
    )
    if every_pair(readings):
        order = [readings[0].pivot, *languages]
        title = f"{wording.display(measure)} by language of the queries (rows) and of the documents (columns)"
        tables = []
        for number, reading in enumerate(readings, start=1):
            suffix = f", {reading.label}" if len(readings) > 1 else ""
            tables.append(matrix(reading, order, measure, name=f"mono-{number}", title=title + suffix))
        return Section("mono", "One language at a time", text, tuple(tables))
    specs = [
        Spec("mono-same", "target", measure, "same language"),
        Spec("mono-cross", "target", measure, f"{pivot} documents"),
        Spec("mono-cross", "pivot", measure, f"{pivot} queries"),
    ]
    note = (
        f"Same language: queries and documents in the row's language. {pivot} documents, {pivot} queries: the other "
        "side is in the row's language."
    )
    title = f"{wording.display(measure)} in pools of one language"
    table = by_language(readings, languages, specs, name="mono", title=title, note=note)
    return Section("mono", "One language at a time", text, (table,))


def _multilingual(readings: Sequence[Reading], languages: Sequence[str]) -> Section | None:
    if not any(reading.measures("multilingual") for reading in readings):
        return None
    table = by_scenario(readings, languages, "multilingual")
    text = "All languages share one pool, which holds the answer in each of them." + _pool_shares(readings)
    table = replace(table, title="Queries in each language, all documents")
    return Section("multilingual", "All languages at once", text, (table,))


def _pool_shares(readings: Sequence[Reading]) -> str:
    """The share of the pivot in the whole pool, for comparison with the language share."""
    if not first_measure(readings, ["multilingual"], ["LangShare@"]):
        return ""
    pivot = readings[0].pivot
    shares = []
    for reading in readings:
        documents = reading.collection.get("documents") or {}
        key = reading.key("multilingual", "pivot", pivot)
        pool = key[2] if key else tuple(documents)
        total = sum(documents.get(label, 0) for label in pool)
        if total and documents.get(pivot):
            shares.append(f"{100 * documents[pivot] / total:.1f}%")
    shares = list(dict.fromkeys(shares))
    if not shares:
        return ""
    return (
        f" {_pivot(readings)} documents are {' or '.join(shares)} of this pool; compare the language share with that."
    )


def measures_explained(readings: Sequence[Reading]) -> list[tuple[str, str, str]]:
    """Every measure of the results: name in files, display name, meaning."""
    names = dict.fromkeys(name for reading in readings for rows in reading.places.values() for name in rows)
    unknown = "This version of clinometer does not know this measure; values are shown as they are."
    known = {name: wording.measure(name) for name in names}
    texts = {name: f"{m.summary} {wording.BETTER[m.higher_is_better]}" if m else unknown for name, m in known.items()}
    return [(name, wording.display(name), text) for name, text in texts.items()]


def settings(reading: Reading) -> list[tuple[str, list[tuple[str, str]]]]:
    """Everything that a result records of what was measured and how, in groups: encoder, collection, evaluation."""
    groups = []
    hidden = {"command", "warnings"}
    records = {"Encoder": reading.encoder, "Collection": reading.collection, "Evaluation": reading.settings}
    for title, entries in records.items():
        facts = []
        for key, entry in entries.items():
            if key in hidden or (title == "Collection" and key == "notes"):
                continue
            if key == "remedies":
                if entry:
                    facts.append((key, ", then ".join(map(_remedy, entry))))
                continue
            text = repr(entry) if key.endswith("_prompt") else wording.listed(entry)
            facts.append((key.replace("_", " "), str(entry) if key == "seed" else text))
        if title == "Collection":
            notes = reading.collection.get("notes") or {}
            facts += [(f"note: {key.replace('_', ' ')}", wording.listed(entry)) for key, entry in notes.items()]
        if title == "Evaluation":
            tied = [row.get("ties") or 0 for rows in reading.places.values() for row in rows.values()]
            facts.append(("most tied relevant documents in one setting", wording.count(max(tied, default=0))))
        groups.append((title, facts))
    if reading.notices:
        groups.append(("Notices", [(str(number), text) for number, text in enumerate(reading.notices, start=1)]))
    return groups


_COUNTS = ("_fitted", "pairs", "pairs_right", "median_margins")


def _remedy(entry: Mapping[str, Any]) -> str:
    """A remedy for the encoder's embeddings with its settings; further details are in the results only."""
    settings = entry.get("settings") or {}
    name = f"{entry.get('method', '')} {entry.get('digest', '')}".strip()
    facts = [
        f"{key.replace('_', ' ')} {wording.listed(value)}"
        for key, value in settings.items()
        if key != "languages" and (isinstance(value, (str, int, float)) or key.endswith(_COUNTS)) and value != ""
    ]
    return f"{name} ({'; '.join(facts)})" if facts else name


def scenario_notes() -> list[tuple[str, str]]:
    """Scenarios with their explanations, for readers of the full tables."""
    one_sided = "only the language of the query holds the answer: the other version is removed, query by query."
    return [
        ("multi", "The pivot and one other language share the pool; both hold the answer."),
        ("one-sided", f"The same pool, but {one_sided}"),
        ("multilingual", "All languages share the pool; each holds the answer."),
        ("mono-cross", "The pool is in one language, the query in another."),
        ("mono-same", "The pool and the query are in the same language."),
    ]
