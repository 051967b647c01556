"""Every remedy alone and stacked, on XQuAD and Belebele, with two encoders: one scan each, and the rest is arithmetic.

    OMP_WAIT_POLICY=PASSIVE python -m studies.remedies.all --work DIR [--collections NAME,...] [ENCODER...]

Uses the embeddings and adapters that `studies.remedies.correction` saves in DIR, and those of trained upper layers, if
`studies.recipe.upper_model` has saved them there. Results go to studies/results/remedies-COLLECTION.json;
`python -m studies.remedies.page` draws docs/which-remedy.md and the table of README.md. A remedy is a line of
`studies.remedies.stacks`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import clinometer as cm
from clinometer.comparison import compare
from clinometer.correction import Turn
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import ClinometerError
from studies.command_line import parser
from studies.recipe.closed_form import change
from studies.remedies.correction import embeddings_file, loaded
from studies.remedies.stacks import BASE, CENTER, REMEDIES, Remedy, State, outcome
from studies.result_files import earlier_result, write_result
from studies.sources import EVALUATED

SCENARIOS = ["multi", "mono-same", "one-sided"]
MEASURES = ["Complete@10", "Reachable@10", "nDCG@1", "Intrusion", "Intrusion(by=own)", "LPR"]
SHOWN = (
    ("Complete@10", "multi"), ("Reachable@10", "multi"), ("nDCG@1", "multi"), ("LPR", "multi"),
    ("nDCG@1", "one-sided"), ("Intrusion", "one-sided"), ("Intrusion(by=own)", "one-sided"),
)  # fmt: skip
TESTED = ("Complete@10", "nDCG@1")
QUESTIONS = {"target": "macro-target", "pivot": "macro-pivot"}
SIGNS = 20_000
PIVOT, ENDS = "en", ("value", "ci_low", "ci_high")
TRAINED_FROM = "multilingual-e5-small"


def evaluated(remedy: Remedy, state: State) -> tuple[cm.Evaluation, dict[str, Any]]:
    """The evaluation of a remedy, what it costs, and what its turn was made of."""
    after, steps, cost = outcome(remedy, state)
    evaluation = cm.evaluate(
        state.collection, PrecomputedEncoder(after.q, after.d, name=remedy.name), scenarios=SCENARIOS,
        measures=MEASURES, resamples=1000, feedback=remedy.feedback, expand=remedy.expand,
        own_first=PrecomputedEncoder(state.q, state.d, name=BASE) if remedy.own_first else None,
    )  # fmt: skip
    facts: dict[str, Any] = {"cost": cost}
    if steps and isinstance(steps[-1], Turn):
        record = steps[-1].settings["turn"]
        facts["turn"] = {name: record[name] for name in ("turned", "left_out", "pairs")}
    return evaluation, facts


def measured(remedies: Sequence[Remedy], state: State) -> list[dict[str, Any]]:
    """A line for each remedy on one collection; without figures, but with the reason, where it cannot be made."""
    evaluations: dict[str, cm.Evaluation] = {}
    facts: dict[str, dict[str, Any]] = {}
    for remedy in remedies:
        own = with_vectors(remedy, state)
        if own is None:
            facts[remedy.name] = {"why_not": f"{remedy.vectors} has not embedded {state.collection.name}"}
            continue
        try:
            evaluations[remedy.name], facts[remedy.name] = evaluated(remedy, own)
        except ClinometerError as error:
            facts[remedy.name] = {"why_not": str(error)}
        print(state.encoder, state.collection.name, remedy.name, shown(evaluations.get(remedy.name)), file=sys.stderr)
    tests = against(evaluations[CENTER], evaluations)
    lines = []
    for remedy in remedies:
        line = {"encoder": state.encoder, "remedy": remedy.name, **facts[remedy.name]}
        if evaluation := evaluations.get(remedy.name):
            line |= values(evaluation, evaluations[BASE])
            line["against_center"] = tests.get(remedy.name)
        lines.append(line)
    return lines


def with_vectors(remedy: Remedy, state: State) -> State | None:
    """The state with the embeddings of the model that the remedy names; None if they are not saved."""
    if not remedy.vectors:
        return state
    sides = ("queries", state.collection.queries), ("documents", state.collection.documents)
    paths = [embeddings_file(remedy.vectors, state.work, side, texts) for side, texts in sides]  # type: ignore[arg-type]
    if state.encoder != TRAINED_FROM or not all(path.exists() for path in paths):
        return None
    q, d = map(np.load, paths)
    return state._replace(q=q, d=d)


def shown(evaluation: cm.Evaluation | None) -> str:
    if evaluation is None:
        return "not measured"
    return f"{evaluation.value('Complete@10', 'multi', 'macro-target'):.1f}"


def values(evaluation: cm.Evaluation, base: cm.Evaluation) -> dict[str, Any]:
    """Means with intervals by the language of the questions, and each language's change of nDCG@1 in `mono-same`."""
    rows = {(row["measure"], row["scenario"], row["query_language"]): row for row in evaluation.rows}
    labels = evaluation.collection["languages"]
    return {
        **{
            questions: {
                f"{measure} {scenario}": [rounded(rows[measure, scenario, mean][end]) for end in ENDS]
                for measure, scenario in SHOWN
                if (measure, scenario, mean) in rows
            }
            for questions, mean in QUESTIONS.items()
        },
        "mono-same": {
            label: {name: rounded(value) for name, value in change(evaluation, base, label).items()} for label in labels
        },
        "languages": {
            label: rounded(rows["Complete@10", "multi", label]["value"]) for label in labels if label != PIVOT
        },
    }


def rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 5)


def against(center: cm.Evaluation, evaluations: Mapping[str, cm.Evaluation]) -> dict[str, Any]:
    """Paired tests of each remedy against centering, corrected for all of them."""
    others = {name: one for name, one in evaluations.items() if name != CENTER}
    comparison = compare(
        center, *others.values(), labels=[CENTER, *others], measures=TESTED, scenarios=["multi"], resamples=SIGNS
    )
    tests: dict[str, Any] = {}
    for name in others:
        rows = {
            (questions, measure): comparison.row(measure, "multi", mean, name)
            for questions, mean in QUESTIONS.items()
            for measure in TESTED
        }
        tests[name] = {
            f"{questions} {measure}": [rounded(row[key]) for key in ("difference", "ci_low", "ci_high", "p_adjusted")]
            for (questions, measure), row in rows.items()
            if row is not None
        }
    return tests


def main() -> None:
    command = parser(__doc__, "folder of embeddings and adapters", encoders=True)
    command.add_argument("--collections", default=",".join(EVALUATED), help=f"any of {', '.join(EVALUATED)}")
    options = command.parse_args()
    for name in options.collections.split(","):
        for encoder in options.encoders:
            collection, q, d = loaded(encoder, name, options.work)
            lines = measured(REMEDIES, State(collection, q, d, encoder, options.work))
            # Encoders may run side by side, so the file is read last.
            others = [line for line in earlier_result(f"remedies-{name}", []) if line["encoder"] != encoder]
            write_result(f"remedies-{name}", others + lines)


if __name__ == "__main__":
    main()
