"""Paired comparison of evaluations: one encoder before, one or several after, on the same collection.

Queries that are translations of each other are drawn and permuted together, as in the intervals of an evaluation. Every
difference is `after` minus `before`, over the queries for which both are defined.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np

from clinometer.comparison.changes import change_rows
from clinometer.comparison.harm import worse_rows
from clinometer.comparison.paired import KEYS, blocks_of, pair_settings
from clinometer.errors import LanguageError, UsageError
from clinometer.evaluation.results import Evaluation
from clinometer.files import json_bytes, written_whole
from clinometer.languages import canonical
from clinometer.measures import Measure, parse
from clinometer.scenarios import SCENARIOS
from clinometer.statistics.resampling import Resamples
from clinometer.statistics.significance import CORRECTIONS

__all__ = ["Comparison", "compare"]

_FACTS = ("name", "languages", "documents", "queries", "judgements")


@dataclass(frozen=True)
class Comparison:
    """What changed between evaluations.

    Args:
        collection: `Collection.describe()` of the collection that all were made on.
        encoders: Records of the encoders, that before first.
        labels: A short name for each.
        settings: How they were compared.
        rows: One dictionary per encoder after, scenario, measure and query language, means first: `scenario`,
            `query_language` (also `macro`, `macro-target`, `macro-pivot` and the names of groups), `pool_languages`,
            `measure`, `before`, `after`, `difference`, `ci_low`, `ci_high` (of the difference), `p` (two-sided paired
            permutation test), `p_adjusted` (within one scenario and measure, means and languages apart), `effect`
            (Cohen's d_z of the questions), `better`, `worse` and `equal` (queries; `better` and `worse` are None for a
            measure without a direction), `queries` (for which both values are defined), `lower_is_better` (None without
            a direction, and for RankGap, where nearer 0 is better), `improved` (None without a direction or a
            difference), `encoder` (label of that after). A LanguageGap is a difference of means, so it has an interval,
            but no test, no effect and no counts.
        notices: Sentences about what was left out.
    """

    collection: dict[str, Any]
    encoders: list[dict[str, Any]]
    labels: list[str]
    settings: dict[str, Any]
    rows: list[dict[str, Any]]
    notices: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """What the JSON form holds."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The comparison as JSON text, also written to `path` if given."""
        text = json_bytes(self.to_dict()).decode()
        if path is not None:
            with written_whole(path) as file:
                file.write(text.encode())
        return text

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write the report: HTML, Markdown or JSON by suffix."""
        from clinometer.report.comparison import write_comparison

        write_comparison(self, path)

    def row(
        self, measure: str, scenario: str, query_language: str, encoder: str | None = None
    ) -> dict[str, Any] | None:
        """The row of that place, or None.

        Args:
            measure: In canonical spelling.
            scenario: Its name.
            query_language: Its label, or the name of a mean; where several pools have it, the first counts.
            encoder: Label of the encoder after; the first by default.
        """
        wanted = (measure, scenario, query_language, self.labels[1] if encoder is None else encoder)
        keys = ("measure", "scenario", "query_language", "encoder")
        return next((row for row in self.rows if tuple(row[key] for key in keys) == wanted), None)

    def harmed(
        self,
        measure: str = "nDCG@1",
        scenario: str = "mono-same",
        tolerance: float = 0.005,
        encoder: str | None = None,
    ) -> list[dict[str, Any]] | None:
        """Rows of single languages that become worse by more than a tolerance, the worst first.

        Args:
            measure: In canonical spelling; one with a direction.
            scenario: Its name.
            tolerance: In the unit of the measure: 0.005 of an nDCG is half a point.
            encoder: Label of the encoder after; the first by default.

        Returns:
            The rows; None if the comparison has no rows of that measure in that scenario, so nothing was checked.
        """
        label = self.labels[1] if encoder is None else encoder
        means = {"macro", "macro-target", "macro-pivot", *self.settings["groups"]}
        rows = [row for row in self.rows if row["encoder"] == label and row["query_language"] not in means]
        return worse_rows(rows, measure, scenario, tolerance)


def compare(
    before: Evaluation,
    *after: Evaluation,
    measures: Iterable[str | Measure] | None = None,
    scenarios: Iterable[str] | None = None,
    groups: Mapping[str, Iterable[str]] | None = None,
    resamples: int = 10_000,
    confidence: float = 0.95,
    correction: str = "holm",
    seed: int = 0,
    threads: int | None = None,
    labels: Sequence[str] | None = None,
) -> Comparison:
    """Compare evaluations query by query: differences with intervals, permutation tests, effect sizes.

    Args:
        before: An evaluation with values per query, as `evaluate` returns it or `Evaluation.from_folder` reads it.
        *after: One or several others on the same collection, each compared with `before`.
        measures: Names as in `clinometer.measures`; by default all that both results have.
        scenarios: Names from `clinometer.scenarios.SCENARIOS`; by default all that both results have.
        groups: Names and their languages, such as `{"trained": ["de", "zh"], "unseen": ["ar"]}`: means over the queries
            of these languages.
        resamples: Resamples of the bootstrap and of the permutation test, each.
        confidence: Probability that an interval is to hold, between 0 and 1.
        correction: For the many tests of one scenario and measure: `holm`, `bh` (Benjamini and Hochberg) or `none`.
            Means and single languages are corrected apart, all encoders after together; nothing is corrected across
            measures and scenarios.
        seed: Of the resampling.
        threads: How many; never shows in the result.
        labels: Short names for all evaluations, the one before first; made from the encoders by default.

    Returns:
        The comparison; its `rows` are tidy.

    Raises:
        UsageError: The results do not belong together, or an option cannot be used.
        LanguageError: A group names a language that the results do not have.

    Example:
        >>> import numpy as np, clinometer as cm
        >>> from clinometer.encoders import PrecomputedEncoder
        >>> collection = cm.load("demo", languages=["en", "de"])
        >>> rng = np.random.default_rng(0)
        >>> texts = [rng.normal(size=(300, 8)).astype(np.float32) for _ in range(2)]
        >>> noise = PrecomputedEncoder(texts[0][:len(collection.queries)], texts[1][:len(collection.documents)])
        >>> a, b = (cm.evaluate(collection, e, scenarios=["multi"], measures=["MaxR"]) for e in (noise, "offline"))
        >>> row = compare(a, b, resamples=500).row("MaxR", "multi", "macro")
        >>> row["lower_is_better"], row["improved"], row["queries"], row["p"] < 0.01
        (True, True, 300, True)
    """
    drawing = Resamples(resamples, confidence, seed, threads)
    drawing.require_some()
    if correction not in (*CORRECTIONS, "none"):
        raise UsageError(f"unknown correction {correction!r}; choose {', '.join(CORRECTIONS)} or none")
    if not after:
        raise UsageError("one evaluation has nothing to be compared with; give one before and at least one after")
    names = _labels([before, *after], labels)
    pivot = str(before.settings.get("pivot", "en"))
    for name, evaluation in zip(names, [before, *after], strict=True):
        _check_table(evaluation, name)
    for name, other in zip(names[1:], after, strict=True):
        _check_together(before, other, names[0], name)
    asked = None if measures is None else [str(measure) for measure in parse(measures)]
    chosen = None if scenarios is None else list(scenarios)
    members = _groups(groups, before)
    rows: list[dict[str, Any]] = []
    notices: list[str] = []
    for name, other in zip(names[1:], after, strict=True):
        pair = (names[0], name)
        settings = pair_settings(before.per_query, other.per_query, pair)
        there = list(dict.fromkeys(place.scenario for place in settings.rows))
        here = _chosen(chosen, there, "scenario", [one for one in SCENARIOS if one in there])
        found, single = _measures(before, other)
        wanted = _chosen(asked, [*found, *single], "measure", found)
        inner = {str(one): str(one.inner) for one in parse(wanted) if one.inner}
        columns = [one for one in dict.fromkeys([*wanted, *inner.values()]) if one in before.per_query]
        lost: Counter[str] = Counter()
        for block in blocks_of(before.per_query, other.per_query, settings, here, columns):
            gaps = [gap for gap, of in inner.items() if of == block.measure]
            rows += [
                row | {"encoder": name}
                for row in change_rows(block, block.measure in wanted, gaps, members, pivot, drawing)
            ]
            lost[block.measure] += block.lost
        if settings.single:
            notices.append(f"{name}: {settings.single} settings are in only one of the two results and are left out")
        if single and asked is None:
            notices.append(f"{name}: only one of the two results has {', '.join(single)}; left out")
        notices += [
            f"{name}: {count:,} values of {measure} are defined in only one of the two results and are left out"
            for measure, count in lost.items()
            if count
        ]
    _adjust(rows, correction, members)
    described = {
        "pivot": pivot,
        "ties": before.settings.get("ties"),
        "scenarios": list(dict.fromkeys(row["scenario"] for row in rows)),
        "measures": list(dict.fromkeys(row["measure"] for row in rows)),
        "groups": members,
        "resamples": resamples,
        "confidence": confidence,
        "correction": correction,
        "corrected_within": "one scenario and measure; means and single languages apart; all encoders together",
        "seed": seed,
        "version": version("clinometer"),
    }
    encoders = [evaluation.encoder for evaluation in (before, *after)]
    return Comparison(dict(before.collection), encoders, names, described, rows, notices)


def _labels(evaluations: Sequence[Evaluation], labels: Sequence[str] | None) -> list[str]:
    if labels is None:
        names = [str(evaluation.encoder.get("name", "encoder")) for evaluation in evaluations]
        short = [name.rstrip("/").rsplit("/", 1)[-1] or name for name in names]
        names = short if len(set(short)) == len(set(names)) else names
        again = Counter(names)
        seen: Counter[str] = Counter()
        labels = []
        for name in names:
            seen[name] += 1
            labels.append(f"{name} #{seen[name]}" if again[name] > 1 else name)
    if len(labels) != len(evaluations) or len(set(labels)) < len(labels):
        raise UsageError(
            f"{', '.join(labels)} are no labels for {len(evaluations)} results; give each a name of its own"
        )
    return list(labels)


def _check_table(evaluation: Evaluation, name: str) -> None:
    if not evaluation.per_query:
        raise UsageError(
            f"the results of {name} have no values per query; read them with Evaluation.from_folder, or evaluate again"
        )
    if missing := [key for key in KEYS if key not in evaluation.per_query]:
        raise UsageError(f"the values per query of {name} have no {', '.join(missing)}; evaluate again")


def _check_together(before: Evaluation, after: Evaluation, first: str, second: str) -> None:
    """Refuse results whose differences would not be differences of the encoders."""
    one, other = before.collection, after.collection
    if one.get("digest") != other.get("digest") or one.get("digest") is None:
        for fact in _FACTS:
            if one.get(fact) != other.get(fact):
                raise UsageError(
                    f"{first} and {second} are results on different collections: {fact} {_shown(one.get(fact))} and "
                    f"{_shown(other.get(fact))}; compare results on one collection"
                )
        if one.get("digest") != other.get("digest"):
            raise UsageError(
                f"{first} and {second} are results on collections of equal size with different texts or judgements; "
                "compare results on one collection"
            )
    for setting, mend in (("pivot", "--pivot"), ("ties", "--ties")):
        values = [evaluation.settings.get(setting) for evaluation in (before, after)]
        if values[0] != values[1]:
            raise UsageError(
                f"{first} and {second} have different {setting} ({values[0]} and {values[1]}); evaluate both with the "
                f"same {mend}"
            )


def _shown(fact: Any) -> str:
    if isinstance(fact, Mapping):
        return ", ".join(f"{key} {entry}" for key, entry in fact.items())
    return ", ".join(map(str, fact)) if isinstance(fact, list) else str(fact)


def _measures(before: Evaluation, after: Evaluation) -> tuple[list[str], list[str]]:
    """Measures that both results have, and those that one of them lacks."""
    listed = []
    for evaluation in (before, after):
        gaps = [name for name in evaluation.settings.get("measures") or [] if name.startswith("LanguageGap(")]
        listed.append([*(name for name in evaluation.per_query if name not in KEYS), *gaps])
    both = [name for name in listed[0] if name in listed[1]]
    return both, [name for name in dict.fromkeys([*listed[0], *listed[1]]) if name not in both]


def _chosen(asked: Sequence[str] | None, there: Sequence[str], kind: str, usual: Sequence[str]) -> list[str]:
    """What was asked for, if both results have it; else the usual ones."""
    if asked is None:
        return list(usual)
    absent = [name for name in asked if name not in usual]
    if absent or not asked:
        if not absent:
            raise UsageError(f"no {kind} was chosen; choose from {', '.join(usual)}")
        who = "one of the results has" if set(absent) & set(there) else "the results have"
        raise UsageError(f"{who} no {kind} {', '.join(absent)}; choose from {', '.join(usual)}")
    return list(dict.fromkeys(asked))


def _groups(groups: Mapping[str, Iterable[str]] | None, before: Evaluation) -> dict[str, list[str]]:
    there = before.collection.get("languages") or np.unique(before.per_query["query_language"]).tolist()
    found = {}
    for name, languages in (groups or {}).items():
        if isinstance(languages, str):
            raise UsageError(
                f"group {name!r} is the string {languages!r}; write a list, such as {languages.split(',')}"
            )
        labels = list(dict.fromkeys(canonical(label) for label in languages))
        if name in there or name.startswith("macro") or not name:
            raise UsageError(f"{name!r} cannot name a group, for it has a meaning of its own; choose another name")
        if absent := [label for label in labels if label not in there]:
            raise LanguageError(
                f"group {name!r} has {', '.join(absent)}, which the results do not have; choose from {', '.join(there)}"
            )
        if not labels:
            raise UsageError(f"group {name!r} has no languages; give it some, or leave it out")
        found[name] = labels
    return found


def _adjust(rows: list[dict[str, Any]], correction: str, groups: Mapping[str, Any]) -> None:
    """Fill in `p_adjusted`, family by family."""
    families: dict[tuple[str, str, bool], list[dict[str, Any]]] = {}
    for row in rows:
        mean = row["query_language"].startswith("macro") or row["query_language"] in groups
        families.setdefault((row["scenario"], row["measure"], mean), []).append(row)
    for family in families.values():
        p = np.array([np.nan if row["p"] is None else row["p"] for row in family])
        adjusted = CORRECTIONS[correction](p) if correction in CORRECTIONS else p
        for row, value in zip(family, adjusted, strict=True):
            row["p_adjusted"] = None if np.isnan(value) else float(value)
