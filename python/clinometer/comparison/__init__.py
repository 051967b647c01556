"""Paired comparison of evaluations: one encoder before, one or several after, on the same collection.

Queries that are translations of each other or share an answer are permuted together and count as one in intervals, as
in an evaluation. Every difference is `after` minus `before`, over the queries for which both are defined.
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
from clinometer.comparison.paired import CLUSTER, KEYS, Settings, pair_settings, paired_values
from clinometer.errors import LanguageError, UsageError
from clinometer.evaluation.results import Evaluation
from clinometer.files import json_bytes, written_whole
from clinometer.languages import canonical
from clinometer.measures import Measure, parse
from clinometer.parameters import checked
from clinometer.progress import tracked
from clinometer.scenarios import SCENARIOS
from clinometer.scenarios.drawing import drawn
from clinometer.scenarios.options import COMPARED_SETTINGS
from clinometer.statistics.resampling import Resamples, Unit
from clinometer.statistics.significance import CORRECTIONS
from clinometer.suggestions import one_of

__all__ = ["Comparison", "compare"]

_FACTS = ("name", "languages", "documents", "queries", "judgements")
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Comparison:
    """The changes between evaluations.

    Args:
        collection: Description (`Collection.describe()`) of the collection of all evaluations.
        encoders: Records of the encoders, the one before first.
        labels: Short names of the encoders.
        settings: Settings of the comparison.
        rows: One dictionary per encoder after, scenario, measure and query language, means first: `scenario`,
            `query_language` (also `macro`, `macro-target`, `macro-pivot` and the names of groups), `pool_languages`,
            `measure`, `before`, `after`, `difference`, `ci_low`, `ci_high` (of the difference), `p` (two-sided paired
            permutation test), `p_adjusted` (within one scenario and measure, means and languages apart), `effect`
            (Cohen's d_z of the questions), `better`, `worse` and `equal` (queries; `better` and `worse` are None for a
            measure without a direction), `queries` (for which both values are defined), `lower_is_better` (None without
            a direction, and for RankGap, where nearer 0 is better), `improved` (None without a direction or a
            difference), `encoder` (label of that after). A LanguageGap is a difference of means, so it has an interval,
            but no test, no effect and no counts.
        notices: Sentences about settings, measures and values that were left out.
    """

    collection: dict[str, Any]
    encoders: list[dict[str, Any]]
    labels: list[str]
    settings: dict[str, Any]
    rows: list[dict[str, Any]]
    notices: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The content of the JSON form."""
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
        """One row, or None if the comparison does not have it.

        Args:
            measure: Name of the measure, in canonical spelling.
            scenario: Name of the scenario.
            query_language: Label of the language, or name of a mean; of several pools the first counts.
            encoder: Label of the encoder after; the first by default.
        """
        key = (measure, scenario, query_language, self.labels[1] if encoder is None else encoder)
        fields = ("measure", "scenario", "query_language", "encoder")
        return next((row for row in self.rows if tuple(row[name] for name in fields) == key), None)

    def harmed(
        self, measure: str = "nDCG@1", scenario: str = "mono-same", tolerance: float = 0.005, encoder: str | None = None
    ) -> list[dict[str, Any]] | None:
        """Rows of single languages that become worse by more than a tolerance, the worst first.

        Args:
            measure: Name of a measure with a direction, in canonical spelling.
            scenario: Name of the scenario.
            tolerance: Largest accepted change for the worse, in the unit of the measure: 0.005 of nDCG is half a point.
            encoder: Label of the encoder after; the first by default.

        Returns:
            The rows; None if the comparison has no rows of the measure in the scenario, so that nothing was checked.
        """
        label = self.labels[1] if encoder is None else encoder
        means = {"macro", "macro-target", "macro-pivot", *self.settings["groups"]}
        checked = [
            (row["difference"] if row["lower_is_better"] else -row["difference"], row)
            for row in self.rows
            if (row["encoder"], row["measure"], row["scenario"]) == (label, measure, scenario)
            and row["query_language"] not in means
            and row["lower_is_better"] is not None
        ]
        if not checked:
            return None
        worst_first = sorted(checked, key=lambda pair: -pair[0])
        return [dict(row) for loss, row in worst_first if loss > tolerance + _ROUNDING]


@checked
def compare(
    before: Evaluation,
    *after: Evaluation,
    measures: Iterable[str | Measure] | None = None,
    scenarios: Iterable[str] | None = None,
    groups: Mapping[str, Iterable[str]] | None = None,
    resamples: int = 10_000,
    resample: Unit = "cluster",
    confidence: float = 0.95,
    correction: str = "holm",
    seed: int = 0,
    threads: int | None = None,
    labels: Sequence[str] | None = None,
    show_progress_bar: bool = False,
) -> Comparison:
    """Compare evaluations query by query: differences with intervals, permutation tests, effect sizes.

    Args:
        before: Evaluation with values per query, as `evaluate` returns it or `Evaluation.from_folder` reads it.
        *after: Further evaluations on the same collection, one or several, each compared with `before`.
        measures: Names of measures, as in `clinometer.measures`; by default all that both results have.
        scenarios: Names of scenarios, from `clinometer.scenarios.SCENARIOS`; by default all that both results have.
        groups: Groups of languages by name, such as `{"trained": ["de", "zh"], "unseen": ["ar"]}`, for means over the
            queries of their languages.
        resamples: Number of sign patterns of the permutation test, and of resamples for language gaps.
        resample: Unit of intervals and tests: `cluster` for questions that share an answer together, or `question` for
            each question, with its translations, alone. Results of older versions have no clusters.
        confidence: Confidence level of the intervals, between 0 and 1.
        correction: Correction for the number of tests within one scenario and measure: `holm`, `bh` (Benjamini and
            Hochberg) or `none`. Means and single languages are corrected separately, all encoders after together;
            nothing is corrected across measures and scenarios.
        seed: Seed of the resamples and of the permutation test.
        threads: Number of threads; the result does not depend on it.
        labels: Short names of all evaluations, the one before first; by default the names of the encoders.
        show_progress_bar: Draw a bar on standard error if it takes longer than a second.

    Returns:
        The comparison; its `rows` are tidy.

    Raises:
        UsageError: The results cannot be compared, or an option is invalid.
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
    resampling = Resamples(resamples, confidence, seed, threads, resample)
    resampling.require_some()
    if correction not in (*CORRECTIONS, "none"):
        raise UsageError(f"unknown correction {correction!r}; expected {one_of(correction, (*CORRECTIONS, 'none'))}")
    if not after:
        raise UsageError("a comparison needs at least two evaluations; pass one before and one or more after")
    names = _labels([before, *after], labels)
    pivot = str(before.settings.get("pivot", "en"))
    for name, evaluation in zip(names, [before, *after], strict=True):
        _check_table(evaluation, name)
    for name, evaluation in zip(names[1:], after, strict=True):
        _check_comparable(before, evaluation, names[0], name)
    measure_names = None if measures is None else [str(measure) for measure in parse(measures)]
    scenario_names = None if scenarios is None else list(scenarios)
    members = _groups(groups, before)
    rows: list[dict[str, Any]] = []
    notices: list[str] = []
    described: list[dict[str, Any]] = []
    for name, evaluation in zip(names[1:], after, strict=True):
        settings = pair_settings(before.per_query, evaluation.per_query, (names[0], name))
        unit: Unit = "question" if settings.clusters is None else resample
        described.append(_drawn(settings, unit))
        if unit != resample:
            notices.append(
                f"{name}: the results do not say which questions share an answer, so each question counts as "
                "independent, and intervals may be too narrow; evaluate again with -o"
            )
        common_scenarios = list(dict.fromkeys(place.scenario for place in settings.rows))
        usual = [scenario for scenario in SCENARIOS if scenario in common_scenarios]
        chosen_scenarios = _chosen(scenario_names, common_scenarios, "scenario", usual)
        common, unshared = _measures(before, evaluation)
        chosen = _chosen(measure_names, [*common, *unshared], "measure", common)
        inner = {str(measure): str(measure.inner) for measure in parse(chosen) if measure.inner}
        columns = [column for column in dict.fromkeys([*chosen, *inner.values()]) if column in before.per_query]
        unpaired: Counter[str] = Counter()
        tests = paired_values(before.per_query, evaluation.per_query, settings, chosen_scenarios, columns)
        most = len(chosen_scenarios) * len(columns)
        for pairs in tracked(tests, "tests", "measures", shown=show_progress_bar, total=most, late=True):
            gaps = [gap for gap, measure in inner.items() if measure == pairs.measure]
            changes = change_rows(pairs, pairs.measure in chosen, gaps, members, pivot, resampling)
            rows += [row | {"encoder": name} for row in changes]
            unpaired[pairs.measure] += pairs.unpaired
        if settings.unshared:
            notices.append(f"{name}: {settings.unshared} settings are in only one of the two results and are left out")
        if unshared and measure_names is None:
            notices.append(f"{name}: only one of the two results has {', '.join(unshared)}; left out")
        notices += [
            f"{name}: {count:,} values of {measure} are defined in only one of the two results and are left out"
            for measure, count in unpaired.items()
            if count
        ]
    _adjust(rows, correction, members)
    described_settings = {
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
        **min(described, key=lambda drawing: drawing["clusters"]),
        "version": version("clinometer"),
    }
    encoders = [evaluation.encoder for evaluation in (before, *after)]
    return Comparison(dict(before.collection), encoders, names, described_settings, rows, notices)


def _drawn(settings: Settings, unit: Unit) -> dict[str, Any]:
    """The unit of the intervals, and how many clusters and questions the settings have."""
    questions = np.unique(np.concatenate(list(settings.questions.values())))
    return drawn(unit, questions if settings.clusters is None else settings.clusters[questions], questions)


def _labels(evaluations: Sequence[Evaluation], labels: Sequence[str] | None) -> list[str]:
    if labels is None:
        names = [str(evaluation.encoder.get("name", "encoder")) for evaluation in evaluations]
        short = [name.rstrip("/").rsplit("/", 1)[-1] or name for name in names]
        names = short if len(set(short)) == len(set(names)) else names
        counts = Counter(names)
        seen: Counter[str] = Counter()
        labels = []
        for name in names:
            seen[name] += 1
            labels.append(f"{name} #{seen[name]}" if counts[name] > 1 else name)
    if len(labels) != len(evaluations) or len(set(labels)) < len(labels):
        raise UsageError(
            f"labels are {', '.join(labels)} for {len(evaluations)} results; give each result a label of its own"
        )
    return list(labels)


def _check_table(evaluation: Evaluation, name: str) -> None:
    if not evaluation.per_query:
        raise UsageError(
            f"the results of {name} have no values per query; read them with Evaluation.from_folder, or evaluate again"
        )
    if missing := [key for key in KEYS if key not in evaluation.per_query]:
        raise UsageError(f"the values per query of {name} have no {', '.join(missing)}; evaluate again")


def _check_comparable(before: Evaluation, after: Evaluation, first: str, second: str) -> None:
    """Refuse results whose differences would not be due to the encoders."""
    facts_before, facts_after = before.collection, after.collection
    if facts_before.get("digest") != facts_after.get("digest") or facts_before.get("digest") is None:
        for fact in _FACTS:
            if facts_before.get(fact) != facts_after.get(fact):
                raise UsageError(
                    f"{first} and {second} are results on different collections: {fact} "
                    f"{_shown(facts_before.get(fact))} and {_shown(facts_after.get(fact))}; compare results on one "
                    "collection"
                )
        if facts_before.get("digest") != facts_after.get("digest"):
            raise UsageError(
                f"{first} and {second} are results on collections of equal size with different texts or judgements; "
                "compare results on one collection"
            )
    for setting, default in COMPARED_SETTINGS.items():
        values = [evaluation.settings.get(setting, default) for evaluation in (before, after)]
        if values[0] != values[1]:
            raise UsageError(
                f"{first} and {second} have different {setting} ({values[0]} and {values[1]}); evaluate both with the "
                f"same --{setting.replace('_', '-')}"
            )


def _shown(fact: Any) -> str:
    if isinstance(fact, Mapping):
        return ", ".join(f"{key} {entry}" for key, entry in fact.items())
    return ", ".join(map(str, fact)) if isinstance(fact, list) else str(fact)


def _measures(before: Evaluation, after: Evaluation) -> tuple[list[str], list[str]]:
    """Measures that both results have, and those that only one has."""
    listed = []
    for evaluation in (before, after):
        gaps = [name for name in evaluation.settings.get("measures") or [] if name.startswith("LanguageGap(")]
        listed.append([*(name for name in evaluation.per_query if name not in (*KEYS, CLUSTER)), *gaps])
    both = [name for name in listed[0] if name in listed[1]]
    return both, [name for name in dict.fromkeys([*listed[0], *listed[1]]) if name not in both]


def _chosen(names: Sequence[str] | None, measured: Sequence[str], kind: str, usual: Sequence[str]) -> list[str]:
    """The names without repetitions, if both results have them; the usual ones for None."""
    if names is None:
        return list(usual)
    if not names:
        raise UsageError(f"no {kind} given; expected one or more of {', '.join(usual)}")
    if absent := [name for name in names if name not in usual]:
        owner = "one of the results has" if set(absent) & set(measured) else "the results have"
        raise UsageError(f"{owner} no {kind} {', '.join(absent)}; expected {one_of(absent, usual)}")
    return list(dict.fromkeys(names))


def _groups(groups: Mapping[str, Iterable[str]] | None, before: Evaluation) -> dict[str, list[str]]:
    known = before.collection.get("languages") or np.unique(before.per_query["query_language"]).tolist()
    members = {}
    for name, languages in (groups or {}).items():
        if isinstance(languages, str):
            raise UsageError(
                f"group {name!r} is the string {languages!r}; write a list, such as {languages.split(',')}"
            )
        labels = list(dict.fromkeys(canonical(label) for label in languages))
        if name in known or name.startswith("macro") or not name:
            raise UsageError(f"{name!r} is reserved and cannot name a group; choose another name")
        if absent := [label for label in labels if label not in known]:
            raise LanguageError(
                f"the results have no language {', '.join(absent)} of group {name!r}; expected {one_of(absent, known)}"
            )
        if not labels:
            raise UsageError(f"group {name!r} has no languages; name some, or leave it out")
        members[name] = labels
    return members


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
