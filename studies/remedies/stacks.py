"""The remedies of the one table, each a line: its steps in order, what they need, and whether they see the index."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import clinometer as cm
from clinometer.adapters import Adapter
from clinometer.correction import Center, Correction, fit
from clinometer.correction.expansion import WEIGHT as EXPANSION
from clinometer.correction.feedback import WEIGHT
from clinometer.mining import turned
from studies.centering import centered, corrected, sampled
from studies.recipe.closed_form import fitted
from studies.remedies.correction import embedded, trained_adapter
from studies.remedies.correction_cases import PARALLEL, UNLABELLED, Vectors, as_published, train_texts

UPPER_LAYERS = "upper-layers"
"""Name of the embeddings of `studies.recipe.upper_model`."""


class State(NamedTuple):
    """Embeddings of a collection before the next step."""

    collection: cm.Collection
    q: Any
    d: Any
    encoder: str
    work: Path

    def after(self, step: Adapter | Correction) -> State:
        """The state after a step."""
        if isinstance(step, Adapter):
            return self._replace(q=step.apply_queries(self.q), d=step.apply(self.d))
        q, d = corrected(step, self.collection, self.q, self.d)
        return self._replace(q=q, d=d)


Step = Callable[[State], Adapter | Correction]
"""Fits one step on what the steps before have left."""


def center(state: State) -> Center:
    return centered(state.collection, state.q, state.d)


def turn(state: State) -> Correction:
    return turned(center(state), state.d, state.collection.documents.languages)


def inside(method: str, **options: Any) -> Step:
    """A method that is fitted on what `center` is fitted on."""

    def step(state: State) -> Correction:
        sample = sampled(state.collection, state.q)
        return fit(method, state.d, state.collection.documents.languages, *sample, **options)

    return step


def outside(how: Callable[[Vectors], Correction]) -> Step:
    """A method that is fitted on texts of `train`."""
    return lambda state: how(_outside(state.encoder, state.work))


@cache
def _outside(encoder: str, work: Path) -> Vectors:
    """Texts of `train` in the languages of XQuAD, and their embeddings."""
    queries, documents = train_texts()
    return Vectors(
        queries, documents, embedded(encoder, work, "queries", queries), embedded(encoder, work, "documents", documents)
    )


def learned(state: State) -> Adapter:
    return trained_adapter(state.encoder, state.work)


def closed_form(state: State) -> Adapter:
    return fitted(state.encoder, state.work)[0]


class Remedy(NamedTuple):
    """A line of the table.

    Args:
        name: What the line is called.
        steps: What happens to the embeddings, in order.
        feedback: Weight of feedback; None for one search.
        vectors: Embeddings of a trained model that take the place of the encoder's; empty for the encoder's own.
        needs: What it is fitted on.
        languages: What the languages of must be known when it is applied.
        transductive: Whether it is fitted on texts that are evaluated.
        expand: Weight of an expansion of the documents after the steps; None for none.
        own_first: Whether what is best in the query's language before the steps comes first of that language.
    """

    name: str
    steps: tuple[Step, ...] = ()
    feedback: float | None = None
    vectors: str = ""
    needs: str = ""
    languages: str = ""
    transductive: bool = False
    expand: float | None = None
    own_first: bool = False


OWN = "index, 240 queries a language"
TRANSLATED = "240 translated texts a language"
SAMPLES = "2,800 translated samples"
UNTRANSLATED = "240 texts a language"
UPPER = "1,400 translated samples, training"


def stacked(
    name: str, first: tuple[Step, ...] = (), needs: str = "", languages: str = "", vectors: str = ""
) -> tuple[Remedy, ...]:
    """Something alone, then with centering, a turn and feedback on top."""
    both, more = "both sides", f"{needs}; {OWN}" if needs else OWN
    before = f"{name}, " if name else ""
    alone = (Remedy(name, first, None, vectors, needs, languages),) if name else ()
    return (
        *alone,
        Remedy(f"{before}center", (*first, center), None, vectors, more, both, True),
        Remedy(f"{before}center, feedback", (*first, center), WEIGHT, vectors, more, both, True),
        Remedy(f"{before}center, turn", (*first, turn), None, vectors, more, both, True),
        Remedy(f"{before}center, turn, feedback", (*first, turn), WEIGHT, vectors, more, both, True),
    )


BASE, CENTER = "nothing", "center"
REMEDIES = (
    Remedy(BASE),
    Remedy("feedback", feedback=WEIGHT),
    *stacked(""),
    *(
        Remedy(f"{name}, expansion{then}", steps, weight, "", OWN, "both sides", True, EXPANSION)
        for name, steps in (("center", (center,)), ("center, turn", (turn,)))
        for then, weight in (("", None), (", feedback", WEIGHT))
    ),
    *(
        Remedy(f"{name}, own first", steps, weight, "", OWN, "both sides", True, expand, own_first=True)
        for name, steps, weight, expand in (
            ("center", (center,), None, None),
            ("center, turn", (turn,), None, None),
            ("center, turn, feedback", (turn,), WEIGHT, None),
            ("center, turn, expansion, feedback", (turn,), WEIGHT, EXPANSION),
        )
    ),
    Remedy(
        "center, texts of another kind", (outside(UNLABELLED["center"]),), needs=UNTRANSLATED, languages="both sides"
    ),
    Remedy("LIR", (inside("lir", components=1),), needs=OWN, languages="both sides", transductive=True),
    Remedy("SHIFT", (outside(PARALLEL["SHIFT, both sides"]),), needs=TRANSLATED, languages="both sides"),
    Remedy("SHIFT as its authors run it", (outside(as_published),), needs=TRANSLATED, languages="both sides"),
    Remedy("calibration", (inside("calibrate"),), needs=OWN, languages="both sides", transductive=True),
    *stacked("adapter, learned", (learned,), SAMPLES),
    *stacked("adapter, closed form", (closed_form,), UNTRANSLATED),
    *stacked("trained upper layers", (), UPPER, vectors=UPPER_LAYERS),
)


class Outcome(NamedTuple):
    """Embeddings after all steps of a remedy, its steps as fitted, and what they cost."""

    state: State
    steps: list[Adapter | Correction]
    cost: dict[str, float]


def outcome(remedy: Remedy, state: State) -> Outcome:
    """Fit the steps of a remedy one after the other, and apply them.

    Raises:
        UsageError: A step cannot be fitted, for instance for lack of translations.
    """
    steps = []
    seconds = np.zeros(2)
    length = state.d.shape[1]
    for make in remedy.steps:
        step = make(state)
        seconds += _seconds(step, state)
        state = state.after(step)
        steps.append(step)
    cost = {
        "document": round(float(1e6 * seconds[0]), 1),
        "query": round(float(1e6 * seconds[1]), 1),
        "length": round(state.d.shape[1] / length, 3) + remedy.own_first,  # rows before the steps are searched as well
        "searches": 1 + (remedy.feedback is not None) + remedy.own_first,
    }
    return Outcome(state, steps, cost)


def _seconds(step: Adapter | Correction, state: State) -> tuple[float, float]:
    """Processor time of one row of the documents and of the queries, among a thousand: the least of three tries."""
    documents, queries = (side.languages[:1000] for side in (state.collection.documents, state.collection.queries))
    d, q = state.d[:1000], state.q[:1000]
    tries: list[tuple[float, float]] = []
    for _ in range(3):
        begin = time.process_time()
        _ = step.apply(d) if isinstance(step, Adapter) else step.apply(d, documents)
        middle = time.process_time()
        _ = step.apply_queries(q) if isinstance(step, Adapter) else step.apply_queries(q, queries)
        tries.append(((middle - begin) / len(d), (time.process_time() - middle) / len(q)))
    return min(one for one, _ in tries), min(one for _, one in tries)
