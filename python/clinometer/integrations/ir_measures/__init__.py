"""Our measures inside `ir_measures`: the languages, which a run and its qrels do not have, come from a mapping.

Importing this module registers the names, so that `ir_measures.parse_measure("Complete@10")` reads them and
`ir_measures.calc_aggregate` computes them next to its own; `python -m clinometer.integrations.ir_measures` is its
command line with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from clinometer.errors import CollectionError, MissingExtraError, UsageError
from clinometer.languages import canonical
from clinometer.measures import evaluate_measure, parse
from clinometer.measures.placements import Placements
from clinometer.scanning.counts import Counts

try:
    import ir_measures as _ir
except ImportError:
    raise MissingExtraError("clinometer.integrations.ir_measures", "ir-measures") from None
from ir_measures import measures as _measures
from ir_measures.providers.base import Any as _AnyValue
from ir_measures.providers.base import Evaluator, Provider

__all__ = ["MEASURES", "LanguageProvider"]


class _Mean(_ir.MeanAgg):  # type: ignore[misc, unused-ignore]
    """A mean over the queries for which a measure is defined."""

    def add(self, value: float) -> None:
        if not np.isnan(value):
            super().add(value)


class _Language(_measures.Measure):  # type: ignore[misc, unused-ignore]
    """A measure of clinometer; undefined (NaN) for queries that lack what it compares, which do not count."""

    DEFAULT = float("nan")

    def aggregator(self) -> _Mean:
        return _Mean()


def _registered(name: str, description: str, **params: _ir.ParamInfo) -> _measures.Measure:
    fields = {
        "__name__": name, "NAME": name, "PRETTY_NAME": name, "SHORT_DESC": description, "SUPPORTED_PARAMS": params,
    }  # fmt: skip
    measure = type(name, (_Language,), fields)()
    # The registry refuses a name that it has, as it does when this module is reloaded.
    if name not in _measures.registry:
        _measures.register(measure)
    return measure


_BY = _ir.ParamInfo(dtype=str, choices=["other", "own"], default="other", desc="whose documents intrude")
MEASURES: dict[str, _measures.Measure] = {
    name: _registered(name, description, **params)
    for name, description, params in (
        ("MaxR", "Rank of the last relevant document; lower is better.", {}),
        ("MaxRnorm", "The same on a log scale from 0 to 100; higher is better.", {}),
        (
            "Complete",
            "100 for queries with all relevant documents in the top k.",
            {"cutoff": _ir.ParamInfo(dtype=int, required=True, desc="ranking cutoff threshold")},
        ),
        ("RankGap", "log2 rank of the other language's relevant document minus the pivot's; above 0 leans to it.", {}),
        ("PivotFirst", "Whether the pivot's relevant document comes first; 0.5 is neutral.", {}),
        ("Intrusion", "Whether an unrelated document of another language ranks above the relevant one.", {"by": _BY}),
        ("IntrusionCount", "Number of such documents.", {"by": _BY}),
    )
}
"""Registered measures by name."""


class LanguageProvider(Provider):  # type: ignore[misc, unused-ignore]
    """Computes our measures of a run, as `clinometer.evaluate` does in the pool of all languages.

    Equal scores are ordered as in trec_eval, by document id descending. Relevant documents that the run does not list
    have no rank: `Complete` and `MaxRnorm` are 0 without them, and `MaxR` is undefined (NaN).

    Args:
        languages: Language of every document of the pool, by document id.
        query_languages: Language of every query, by query id; for all measures but `MaxR`, `MaxRnorm` and `Complete`.
        pivot: The language that the measures compare with the others.

    Raises:
        UsageError: There are no documents.
        LanguageError: A label is unknown.

    Example:
        >>> provider = LanguageProvider({"d1": "en", "d2": "de", "d3": "en"}, {"q": "de"})
        >>> qrels, run = {"q": {"d1": 1, "d2": 1}}, {"q": {"d1": 0.9, "d3": 0.5, "d2": 0.1}}
        >>> provider.calc_aggregate([MEASURES["MaxR"], MEASURES["Complete"] @ 2, MEASURES["Intrusion"]], qrels, run)
        {MaxR: 3.0, Complete@2: 0.0, Intrusion: 1.0}
    """

    NAME = "clinometer"
    SUPPORTED_MEASURES = (
        *(
            measure(**{name: _AnyValue(required=spec.required) for name, spec in measure.SUPPORTED_PARAMS.items()})
            for measure in MEASURES.values()
        ),
    )

    def __init__(
        self, languages: Mapping[str, str], query_languages: Mapping[str, str] | None = None, pivot: str = "en"
    ) -> None:
        super().__init__()
        if not languages:
            raise UsageError("languages is empty; give the language of every document of the pool, by its id")
        canonical_of = {label: canonical(label) for label in dict.fromkeys(languages.values())}
        self._language = {document: canonical_of[label] for document, label in languages.items()}
        self._query_languages = {query: canonical(label) for query, label in (query_languages or {}).items()}
        self._pivot = canonical(pivot)

    def _evaluator(self, measures: Iterable[Any], qrels: Any) -> _Evaluator:
        return _Evaluator(list(measures), qrels, self._language, self._query_languages, self._pivot)

    def register(self) -> LanguageProvider:
        """Use these languages in `ir_measures.calc_aggregate`, `calc`, `iter_calc` and `evaluator`; returns itself.

        A provider that is registered later takes its place.

        Example:
            >>> provider = LanguageProvider({"d1": "en", "d2": "de"}, {"q": "de"}).register()
            >>> measures = [_ir.RR, MEASURES["Intrusion"]]
            >>> _ir.calc_aggregate(measures, {"q": {"d2": 1}}, {"q": {"d1": 0.9, "d2": 0.1}})[MEASURES["Intrusion"]]
            1.0
        """
        _REGISTERED.languages = self
        return self


class _Registered(Provider):  # type: ignore[misc, unused-ignore]
    """Our entry among the providers of ir_measures: that of the languages last registered, else without languages."""

    NAME = LanguageProvider.NAME
    SUPPORTED_MEASURES = LanguageProvider.SUPPORTED_MEASURES

    def __init__(self) -> None:
        super().__init__()
        self.languages: LanguageProvider | None = None

    def _evaluator(self, measures: Iterable[Any], qrels: Any) -> _Evaluator:
        measures = list(measures)
        if self.languages is not None:
            return self.languages._evaluator(measures, qrels)
        if needy := sorted(str(measure) for measure in measures if measure.NAME not in _OF_THE_RUN_ALONE):
            raise UsageError(
                f"{', '.join(needy)}: needs the language of every document; call "
                "LanguageProvider(languages, query_languages).register() first, or add --languages FILE on the command "
                "line"
            )
        return _Evaluator(measures, qrels, None, {}, "en")


_OF_THE_RUN_ALONE = ("MaxR", "Complete")
"""Measures that need neither languages nor the size of the pool."""


def _entry() -> _Registered:
    """The entry in the registry and in the pipeline that `ir_measures.calc_aggregate` uses."""
    entry = _Registered()
    _ir.providers.registry[entry.NAME] = entry
    others = [provider for provider in _ir.DefaultPipeline.providers if provider.NAME != entry.NAME]
    _ir.DefaultPipeline.providers[:] = [*others, entry]
    return entry


_REGISTERED = _entry()


class _Evaluator(Evaluator):  # type: ignore[misc, unused-ignore]
    def __init__(
        self,
        measures: list[Any],
        qrels: Any,
        language: dict[str, str] | None,
        query_languages: dict[str, str],
        pivot: str,
    ) -> None:
        self._qrels: dict[str, dict[str, int]] = _ir.util.QrelsConverter(qrels).as_dict_of_dict()
        super().__init__(measures, set(self._qrels))
        # ir_measures quotes strings in its names: Intrusion(by='own').
        self._measures = [(measure, parse([str(measure).replace("'", "")])[0]) for measure in measures]
        self._language, self._query_languages, self._pivot = language, query_languages, pivot
        pool = Counter([""] if language is None else language.values())
        self._labels = tuple(pool)
        self._pool = np.array([pool[label] for label in self._labels], dtype=np.int64)

    def _iter_calc(self, run: Any) -> Iterator[Any]:
        runs: dict[str, dict[str, float]] = _ir.util.RunConverter(run).as_dict_of_dict()
        language_measures = [ours for _, ours in self._measures if ours.name not in ("MaxR", "MaxRnorm", "Complete")]
        for query, judged in self._qrels.items():
            relevant = {document: grade for document, grade in judged.items() if grade >= 1}
            if not relevant:
                continue
            if language_measures and query not in self._query_languages:
                raise CollectionError(
                    f"{language_measures[0]} needs the language of query {query!r}; add it to query_languages"
                )
            placements = self._placed(query, relevant, runs.get(query, {}))
            language = self._query_languages.get(query, "")
            others = [label for label in self._labels if label != language]
            other = self._pivot if language != self._pivot else others[0] if len(others) == 1 else None
            for measure, ours in self._measures:
                result = evaluate_measure(
                    ours, placements, pivot=self._pivot, query_language=language, other_language=other
                )
                value = float("nan") if result is None else float(result[0])
                yield _ir.Metric(query_id=query, measure=measure, value=value)

    def _placed(self, query: str, relevant: dict[str, int], run: dict[str, float]) -> Placements:
        """One query's relevant documents in the order of trec_eval; those that the run does not list have no rank."""
        language = dict.fromkeys((*run, *relevant), "") if self._language is None else self._language
        if unlabelled := [document for document in (*run, *relevant) if document not in language]:
            raise CollectionError(f"query {query!r}: document {unlabelled[0]!r} has no language; add it to the mapping")
        code = {label: position for position, label in enumerate(self._labels)}
        # trec_eval keeps scores as float32.
        with np.errstate(over="ignore"):
            order = sorted(run, key=lambda document: (np.float32(run[document]), document), reverse=True)
        seen = np.zeros(len(self._labels), dtype=np.int64)
        seen_relevant = seen.copy()
        above: dict[str, tuple[Any, Any]] = {}
        for document in order:
            if document in relevant:
                above[document] = (seen.copy(), seen_relevant.copy())
                seen_relevant[code[language[document]]] += 1
            seen[code[language[document]]] += 1
        retrieved = np.array([document in above for document in relevant])
        above |= dict.fromkeys(relevant.keys() - above.keys(), (seen, seen_relevant))
        zeros = np.zeros((len(relevant), len(self._labels)), dtype=np.int64)
        greater, related = (np.stack([above[document][position] for document in relevant]) for position in (0, 1))
        return Placements(
            indptr=np.array([0, len(relevant)]),
            grades=np.array(list(relevant.values()), dtype=np.int64),
            language=np.array([code[language[document]] for document in relevant], dtype=np.int64),
            counts=Counts(greater, zeros, zeros),
            related=Counts(related, zeros, zeros),
            sizes=np.array([self._pool.sum()]),
            languages=self._labels,
            ties="trec",
            retrieved=retrieved,
        )
