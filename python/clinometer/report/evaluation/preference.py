"""Which language a ranking prefers when all languages are in the pool: LPR, Lang-nDCG, and the split of the top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from clinometer.report.base import wording
from clinometer.report.base.canvas import Mark
from clinometer.report.base.palette import ANSWER, OTHER, OWN, TRANSLATION
from clinometer.report.base.section import Section
from clinometer.report.evaluation.figures import Drawing, draw_dots, series_of
from clinometer.report.evaluation.stacks import draw_stacks
from clinometer.report.evaluation.tables import by_scenario, first_measure
from clinometer.report.evaluation.view import Reading

__all__ = ["draw_preference", "preference"]

_SCENARIO = "multilingual"
_PARTS = {
    "FourWay(SR-QL)": ("relevant, query's language", ANSWER),
    "FourWay(SR-NQL)": ("relevant, another language", TRANSLATION),
    "FourWay(NSR-QL)": ("not relevant, query's language", OWN),
    "FourWay(NSR-NQL)": ("not relevant, another language", OTHER),
}


def preference(readings: Sequence[Reading], languages: Sequence[str]) -> Section | None:
    """The section; None where no result has these measures in the pool of all languages."""
    names = list(dict.fromkeys(name for reading in readings for name in reading.measures(_SCENARIO)))
    rates = [name for name in names if name.startswith("LPR")]
    gains = [name for name in names if name.startswith("LangNDCG")]
    parts = [name for name in _PARTS if name in names]
    if not (rates or gains or parts):
        return None
    plain_gains = [name for name in names if gains and name.startswith("nDCG@") and _same_depth(name, gains)]
    spread = [name for name in names if name in ("RankDistance", "StrongViolation")]
    candidates = [
        ("rates", "Language preference rate", rates),
        ("gains", "Quality with and without regard to language", [*plain_gains, *gains, *spread]),
        ("parts", "The document on top: relevant or not, in the query's language or not", parts),
    ]
    tables = tuple(
        replace(by_scenario(readings, languages, _SCENARIO, measures), name=f"preference-{name}", title=title)
        for name, title, measures in candidates
        if measures
    )
    return Section("preference", "Which language does it prefer?", _text(readings, rates, gains), tables)


def _text(readings: Sequence[Reading], rates: Sequence[str], gains: Sequence[str]) -> str:
    text = "All languages share the pool, and each holds the answer."
    if "LPR" in rates:
        level = chance(readings)
        text += " LPR is how often the answer ranked first is the one in the query's language" + (
            f"; a ranking that is blind to language comes to {wording.value('LPR', level)}%." if level else "."
        )
    if gains:
        text += (
            " Lang-nDCG gives answers in other languages half their gain, or none (gain 0): where it stays close to "
            "nDCG, readers get their own language first."
        )
    return text


def chance(readings: Sequence[Reading]) -> float | None:
    """LPR of a language-blind ranking, in %: 100 over the number of languages in the pool; None where pools differ.

    Exact with one answer in each language.
    """
    sizes = {len(pool) for reading in readings for scenario, _, pool in reading.places if scenario == _SCENARIO}
    sizes.discard(1)
    return 100 / sizes.pop() if len(sizes) == 1 else None


def _same_depth(name: str, gains: Sequence[str]) -> bool:
    return any(gain.rpartition("@")[2] == name.rpartition("@")[2] for gain in gains if "@" in gain)


def draw_preference(readings: Sequence[Reading], languages: Sequence[str]) -> list[Drawing]:
    """LPR by language with its chance level, and the split of the top for each result."""
    order = [*languages, readings[0].pivot]
    drawings: list[Drawing | None] = []
    if first_measure(readings, [_SCENARIO], ["LPR"]):
        title = "Language preference rate (LPR), by language of the query"
        shown, level = series_of(readings, ["target"]), chance(readings)
        drawings.append(
            draw_dots(shown, order, "LPR", name="preference-lpr", title=title, scenario=_SCENARIO, level=level)
        )
    for number, reading in enumerate(readings, start=1):
        lines = [label for label in order if reading.number(_SCENARIO, "target", label, "FourWay(SR-QL)") is not None]
        if not lines:
            continue
        columns = [[reading.number(_SCENARIO, "target", label, name) for label in lines] for name in _PARTS]
        drawings.append(
            draw_stacks(
                [wording.language_name(label) for label in lines],
                [Mark(text, colour, "s") for text, colour in _PARTS.values()],
                columns,
                name="preference-parts" + (f"-{number}" if len(readings) > 1 else ""),
                title="The document on top" + (f", {reading.label}" if len(readings) > 1 else ""),
                longest=100.0 if all(None not in column for column in columns) else None,
                keys=lines,
            )
        )
    return [drawing for drawing in drawings if drawing]
