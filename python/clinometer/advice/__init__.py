"""Which remedy to take, by measuring on what there is: judgements, else heads of documents, else rows alone.

A remedy that gains beyond chance is taken and the next tried on top of it, as long as plain retrieval is not harmed by
more than a tolerance, and hardly by chance; then the choice is tried on a half of the queries that it was not made on,
and given up if it does harm there. What harm that half leaves open is stated.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinometer.advice.candidates import STEPS, Candidate
from clinometer.advice.evidence import FEWEST_QUERIES, Evidence, Trial, of_collection, of_rows
from clinometer.advice.measured import Measured, better, compared, harm, largest_fall, measured
from clinometer.collection import Collection
from clinometer.correction import Correction, Turn
from clinometer.correction.records import fitted_on
from clinometer.encoders import Encoder, encode, require_embeddings
from clinometer.errors import UsageError, shown
from clinometer.languages import canonical
from clinometer.mining import turned
from clinometer.parameters import checked, number, whole
from clinometer.parameters import texts as listed
from clinometer.scanning.arguments import embedding_rows
from clinometer.store import EmbeddingStore

__all__ = ["Advice", "advise", "advise_rows"]

_NOTHING = "nothing"


class _Accepted(NamedTuple):
    """A remedy that gains without too much harm, as it was fitted and measured for the choice."""

    candidate: Candidate
    correction: Correction
    values: Measured


@dataclass(frozen=True, eq=False)
class Advice:
    """The remedy that was chosen, and why.

    Args:
        remedy: Name of the remedy; `nothing` if none is to be taken.
        correction: The remedy, fitted on all of the evidence; None for nothing.
        candidates: One dictionary for each remedy that was tried, in the order of trying: `remedy`, `lean` (see
            `clinometer.advice.measured.lean`), `complete` (Complete@10 in `multi`, in percent) and `plain` (nDCG@1 in
            `mono-same`), each None where it cannot be measured, and `verdict`, a sentence.
        held_out: The same values of the half that the choice was not made on, under `before` and `after`; `change` of
            nDCG@1 with its interval, and `largest_fall`, the stated tolerance: the tolerance, or what that interval
            leaves open. None if there is no such half, or no remedy.
        evidence: Kind and size of what it was measured on.
        reasons: Sentences for people.
        seconds: Time that the correction takes for a thousand documents, as measured now; None for nothing.
    """

    remedy: str
    correction: Correction | None
    candidates: list[dict[str, Any]]
    held_out: dict[str, Any] | None
    evidence: dict[str, Any]
    reasons: list[str]
    seconds: float | None = None

    def on_index(self, documents: ArrayLike | EmbeddingStore, languages: Sequence[str] | None = None) -> Advice:
        """The same remedy with its turn, if it has one, mined among all documents instead of a sample.

        Args:
            documents: `(N, d)` embeddings of the index before any remedy, or a store of them.
            languages: Language of each document; None for those of the store.

        Raises:
            UsageError: There are too few translations in the whole index, unlike in the sample.
        """
        if not isinstance(self.correction, Turn):
            return self
        record = self.correction.settings["turn"]
        turn = turned(self.correction.center, documents, languages, pivot=record["pivot"], seed=record["seed"])
        return replace(self, correction=turn)

    def to_dict(self) -> dict[str, Any]:
        """All but the correction and the time, as JSON values."""
        names = ("remedy", "candidates", "held_out", "evidence", "reasons")
        return {name: getattr(self, name) for name in names}


@checked
def advise(
    collection: Collection,
    encoder: Encoder,
    *,
    tolerance: float = 0.01,
    texts: int = 400,
    queries: int = 400,
    pivot: str = "en",
    seed: int = 0,
    show_progress_bar: bool = False,
) -> Advice:
    """Choose a remedy for an encoder on a collection, and fit it.

    Args:
        collection: Documents of two languages or more, perhaps with judged queries.
        encoder: Any encoder. Only sampled texts are encoded.
        tolerance: Largest accepted fall of nDCG@1 within languages, 0 or more. A remedy is left out if the mean falls
            by more, hardly by chance (p below 0.2), or if any language falls by more beyond chance.
        texts: Maximum number of documents of each language, besides those that are judged relevant.
        queries: Maximum number of queries of each language.
        pivot: Language of the pairs in which Complete@10 is measured.
        seed: Seed of samples and halves.
        show_progress_bar: Draw bars on standard error.

    Raises:
        UsageError: The documents are all in one language, or there is nothing to measure on.

    Example:
        >>> import clinometer as cm
        >>> advice = advise(cm.load("demo", languages=["en", "ko"]), cm.encoder("offline"), queries=50)
        >>> advice.evidence["kind"], advice.evidence["queries"], advice.remedy.startswith("center")
        ('judgements', 100, True)
    """
    if not isinstance(collection, Collection):
        raise UsageError(f"collection is {shown(collection)}, but must be a Collection; clinometer.load reads one")
    require_embeddings(encoder)
    number(tolerance, "tolerance", least=0, most=1)
    for name, value in (("texts", texts), ("queries", queries)):
        whole(value, name, least=1)
    pivot = canonical(pivot)
    evidence = of_collection(
        collection, encoder, texts=texts, queries=queries, seed=seed, show_progress_bar=show_progress_bar
    )
    origin = {"source": collection.name, "sample": texts, "seed": seed, **fitted_on(encoder.record)}
    advice = _advice(evidence, tolerance, pivot, origin)
    if not isinstance(advice.correction, Turn) or len(evidence.choosing.documents) == len(collection.documents):
        return advice
    index = collection.documents
    return advice.on_index(
        encode(encoder, index.texts, "documents", languages=index.languages, show_progress_bar=show_progress_bar),
        index.languages,
    )


@checked
def advise_rows(
    documents: NDArray[Any],
    languages: Sequence[str],
    queries: NDArray[Any] | None = None,
    query_languages: Sequence[str] | None = None,
    *,
    sample: int = 400,
    pivot: str = "en",
    seed: int = 0,
    origin: dict[str, Any] | None = None,
) -> Advice:
    """Choose a remedy for embeddings of documents without texts or judgements; harm cannot be measured, and is not.

    Args:
        documents: `(n, d)` embeddings, a sample of the index.
        languages: Language of each document.
        queries: `(m, d)` embeddings of queries; None for documents in their place.
        query_languages: Language of each query.
        sample: Maximum number of queries, or documents in their place, of each language.
        pivot: As for `advise`.
        seed: Seed of the sample.
        origin: Entry `fitted_on` in the settings of the correction.

    Raises:
        UsageError: The documents are all in one language.
    """
    documents, languages = _labelled(documents, languages, "documents")
    if len(set(languages)) < 2:
        raise UsageError("the documents are all in one language, and nothing leans; give two or more")
    if (queries is None) != (query_languages is None):
        raise UsageError("queries and query_languages go together; give both or neither")
    if queries is not None:
        queries, query_languages = _labelled(queries, query_languages, "queries")
    whole(sample, "sample", least=1)
    evidence = of_rows(documents, languages, queries, query_languages, sample=sample, seed=seed)
    return _advice(evidence, 0.0, canonical(pivot), origin or {})


def _labelled(rows: object, labels: object, what: str) -> tuple[NDArray[Any], list[str]]:
    """Embeddings and the language of each, checked."""
    vectors = embedding_rows(rows, f"the {what}")  # type: ignore[arg-type]
    names = [canonical(label) for label in listed(labels, "languages")]
    if len(names) != len(vectors):
        raise UsageError(f"{len(names)} languages for {len(vectors)} {what}; give one for each")
    return vectors, names


def _advice(evidence: Evidence, tolerance: float, pivot: str, origin: dict[str, Any]) -> Advice:
    choosing, held_out = evidence.choosing, evidence.held_out
    rows, accepted = _tried(choosing, tolerance, pivot)
    choice, tried, vetoes = _confirmed(accepted, held_out, tolerance, pivot)
    facts = {"kind": evidence.kind, **evidence.facts, "tolerance": tolerance}
    reasons = [*_why(evidence, tried), *vetoes]
    if choice is None:
        return Advice(_NOTHING, None, rows, None, facts, reasons)
    name, correction = choice.candidate.name, choice.correction
    if held_out is not None:
        correction = _fitted(choice.candidate, choosing, pivot, held_out)
    record = {"remedy": name, "candidates": rows, "held_out": tried, "evidence": facts}
    settings = {**correction.settings, "chosen_by": record, **({"fitted_on": origin} if origin else {})}
    correction = replace(correction, settings=settings)
    some = choosing.documents[:1000], list(choosing.languages)[:1000]
    begin = time.perf_counter()
    correction.apply(*some)
    seconds = (time.perf_counter() - begin) * 1000 / len(some[0])
    return Advice(name, correction, rows, tried, facts, reasons, seconds)


def _tried(trial: Trial, tolerance: float, pivot: str) -> tuple[list[dict[str, Any]], list[_Accepted]]:
    """A row for each remedy that was tried, and those that were accepted, each on top of the one before."""
    before = measured(_NOTHING, trial, None, pivot)
    rows = [_row(before, "what there is")]
    accepted: list[_Accepted] = []
    for step in STEPS:
        current = accepted[-1].values if accepted else before
        for candidate in step:
            try:
                correction = _fitted(candidate, trial, pivot)
            except UsageError as error:
                values = dict.fromkeys(("lean", "complete", "plain"))
                rows.append({"remedy": candidate.name, **values, "verdict": f"left out: {error}"})
                continue
            after = measured(candidate.name, trial, correction, pivot)
            change = compared(before, after)
            _, reasons = harm(change, tolerance)
            if reasons:
                rows.append(_row(after, f"left out: {'; '.join(reasons)}"))
            elif better(current, after, change if current is before else compared(current, after)):
                rows.append(_row(after, f"better than {current.name}"))
                accepted.append(_Accepted(candidate, correction, after))
                break
            else:
                rows.append(_row(after, f"left out: no gain beyond chance over {current.name}"))
    return rows, accepted


def _confirmed(
    accepted: list[_Accepted], held_out: Trial | None, tolerance: float, pivot: str
) -> tuple[_Accepted | None, dict[str, Any] | None, list[str]]:
    """The last remedy that does no harm on the held-out half, its figures there, and why later ones were given up."""
    if held_out is None or not accepted:
        return (accepted[-1] if accepted else None), None, []
    before = measured(_NOTHING, held_out, None, pivot)
    vetoes: list[str] = []
    for choice in reversed(accepted):
        name = choice.candidate.name
        after = measured(name, held_out, choice.correction, pivot)
        change, reasons = harm(compared(before, after), tolerance)
        if not reasons:
            fall = None if change is None else largest_fall(change, tolerance)
            tried = {"before": _row(before), "after": _row(after), "change": _change(change), "largest_fall": fall}
            return choice, tried, vetoes
        vetoes.append(f"{name} was given up: on the held-out half {'; '.join(reasons)}")
    return None, None, vetoes


def _fitted(candidate: Candidate, trial: Trial, pivot: str, other: Trial | None = None) -> Correction:
    """Fitted on the pool, and on the queries of one trial or of both, where queries are not documents."""
    if trial.collection is None and trial.own is not None:
        return candidate.fit(trial.documents, trial.languages, pivot=pivot)
    queries, languages = trial.queries, list(trial.query_languages)
    if other is not None:
        queries, languages = np.concatenate([queries, other.queries]), languages + list(other.query_languages)
    return candidate.fit(trial.documents, trial.languages, queries, languages, pivot)


def _row(values: Measured, verdict: str = "") -> dict[str, Any]:
    row = {"remedy": values.name, "lean": values.lean, "complete": values.complete, "plain": values.plain}
    return {**row, "verdict": verdict} if verdict else row


def _change(row: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if row is None else {name: row[name] for name in ("difference", "ci_low", "ci_high", "queries")}


def _why(evidence: Evidence, tried: dict[str, Any] | None) -> list[str]:
    count, few = f"{evidence.facts['queries']:,}", f"fewer than {FEWEST_QUERIES} judged queries"
    if evidence.kind == "judgements":
        source = f"measured on {count} judged queries: half for the choice, half kept for the end"
    elif evidence.kind == "heads":
        source = f"{few}, so {count} first sentences stood in for queries, each for the rest of its text"
    else:
        source = (
            f"{few}, so the languages of the first ten of {count} {evidence.facts['stand_ins']} were counted; "
            "harm was not measured"
        )
    reasons = [source]
    if tried is None:
        return reasons
    old, new, change = tried["before"], tried["after"], tried["change"]
    if old["complete"] is not None:
        reasons.append(f"both answers in the first ten: {old['complete']:.1f} % before, {new['complete']:.1f} % after")
    reasons.append(f"lean of the first ten: {old['lean']:.2f} before, {new['lean']:.2f} after (0 is none)")
    if change is not None:
        ends = change["ci_low"], change["ci_high"]
        spread = (
            "too few questions for an interval"
            if None in ends
            else "95 % interval of the change {:+.1f} to {:+.1f} points".format(*(100 * end for end in ends))
        )
        reasons.append(f"plain retrieval, nDCG@1: {old['plain']:.3f} before, {new['plain']:.3f} after ({spread})")
    if tried["largest_fall"] is not None:
        reasons.append(
            f"it may have fallen by up to {100 * tried['largest_fall']:.1f} points, no more (97.5 %); more judged "
            "queries narrow that, and own first excludes it"
        )
    return reasons
