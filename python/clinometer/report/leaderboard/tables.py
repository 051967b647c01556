"""Tables of a board: values with intervals and cost, and what each remedy changes."""

from __future__ import annotations

from clinometer.analysis.form import AS_IT_IS
from clinometer.report.base import wording
from clinometer.report.base.table import Cell, Column, Line, Table
from clinometer.report.evaluation.view import Side
from clinometer.report.leaderboard.boards import Board, Entry, Value

__all__ = ["change_table", "ordered", "value_table"]

_VALUES = (
    ("multi", "Complete@10"), ("multi", "Reachable@10"), ("multi", "nDCG@1"), ("multi", "nDCG@10"),
    ("multi", "MaxRnorm"), ("one-sided", "Intrusion"), ("mono-same", "nDCG@1"), ("mono-same", "nDCG@10"),
    ("multilingual", "Complete@10"), ("multilingual", "nDCG@10"), ("multilingual", "LPR"),
)  # fmt: skip
_CHANGES = (("multi", "Complete@10"), ("multi", "nDCG@1"), ("one-sided", "Intrusion"), ("mono-same", "nDCG@1"))
_HARM = ("mono-same", "nDCG@1")
_NOT_KNOWN = Cell(wording.DASH)


def ordered(board: Board) -> list[Entry]:
    """The entries as a page without scripts shows them: encoders by their value without a remedy, best first."""
    columns = _columns(board, "target")
    if not columns:
        return list(board.entries)
    scenario, measure = columns[0]
    known = wording.measure(measure)
    sign = 1 if known is not None and known.higher_is_better is False else -1
    best: dict[str, float] = {}
    for entry in board.entries:
        value = entry.value(scenario, "target", measure).value
        if value is not None and (entry.remedy == AS_IT_IS or entry.encoder not in best):
            best[entry.encoder] = sign * value
    # A stable sort keeps the entries of one encoder as they are.
    return sorted(board.entries, key=lambda entry: (best.get(entry.encoder, float("inf")), entry.encoder))


def value_table(board: Board, side: Side, *, name: str) -> Table:
    """Every entry with its values, the language that loses most, and its cost."""
    columns = _columns(board, side)
    heads = [Column("remedy")]
    heads += [Column(_head(scenario, measure), wording.scale(measure).unit) for scenario, measure in columns]
    extra = side == "target"
    if extra:
        heads += [Column("largest loss of a language", "points of nDCG@1, mono-same"), Column("dimensions")]
        heads += [Column("a query", "ms, of processors"), Column("a document", "ms, of processors"), Column("runs")]
    lines = []
    for entry in ordered(board):
        cells = [Cell(entry.remedy)]
        cells += [_cell(measure, entry.value(scenario, side, measure)) for scenario, measure in columns]
        if extra:
            cells += [_loss(board, entry), _number(entry.dimension, 0), _cost(entry, "queries")]
            cells += [_cost(entry, "documents"), _number(len(entry.runs), 0)]
        lines.append(Line(entry.encoder, tuple(cells)))
    pivot = wording.language_name(board.reading.pivot)
    queries = "questions in the target languages" if extra else f"questions in {pivot}"
    confidence = board.reading.confidence
    note = (
        f"Means over the target languages; below each value its {confidence} interval, and below the time of encoding "
        "a text that of all processors together."
    )
    return Table(name, f"{board.title}: {queries}", note if extra else "", "encoder", tuple(heads), tuple(lines))


def change_table(board: Board, *, name: str) -> Table | None:
    """What each remedy changes, before and after; None if there is none."""
    pairs = [(entry, before) for entry in ordered(board) if (before := board.before(entry)) is not None]
    columns = [place for place in _CHANGES if place in _columns(board, "target")]
    if not pairs or not columns:
        return None
    heads = [Column("remedy")]
    heads += [Column(_head(scenario, measure), wording.scale(measure).unit) for scenario, measure in columns]
    lines = []
    for entry, before in pairs:
        cells = [Cell(entry.remedy)]
        cells += [_change(entry, before, scenario, measure) for scenario, measure in columns]
        lines.append(Line(entry.encoder, tuple(cells)))
    note = (
        "The change by the remedy, questions in the target languages; below it the value before and after, and the "
        "paired interval of the change where the result has one."
    )
    return Table(name, f"{board.title}: remedies, before and after", note, "encoder", tuple(heads), tuple(lines))


def _columns(board: Board, side: Side) -> list[tuple[str, str]]:
    return [
        (scenario, measure)
        for scenario, measure in _VALUES
        if any(entry.value(scenario, side, measure).value is not None for entry in board.entries)
    ]


def _head(scenario: str, measure: str) -> str:
    known = wording.measure(measure)
    arrow = "" if known is None else wording.ARROWS[known.higher_is_better]
    return f"{wording.display(measure)} ({scenario}){arrow}"


def _cell(measure: str, value: Value) -> Cell:
    return Cell(wording.value(measure, value.value), wording.interval(measure, value.low, value.high), value.value)


def _number(value: float | None, digits: int) -> Cell:
    return _NOT_KNOWN if value is None else Cell(f"{value:,.{digits}f}", "", float(value))


def _cost(entry: Entry, side: str) -> Cell:
    if (cost := entry.milliseconds(side)) is None:
        return _NOT_KNOWN
    wall, cpu = (f"{milliseconds:,.1f}" for milliseconds in cost)
    return Cell(wall, cpu, cost[0])


def _loss(board: Board, entry: Entry) -> Cell:
    """The target language whose retrieval in its own pool loses most by the remedy."""
    before = board.before(entry)
    if before is None:
        return _NOT_KNOWN
    scenario, measure = _HARM
    changes = []
    for language in board.reading.languages:
        values = [one.value(scenario, "target", measure, language).value for one in (before, entry)]
        if language != board.reading.pivot and values[0] is not None and values[1] is not None:
            changes.append((100 * (values[1] - values[0]), language))
    if not changes:
        return _NOT_KNOWN
    change, language = min(changes)
    return Cell(f"{language} {_signed(change, 1)}", "", change)


def _change(entry: Entry, before: Entry, scenario: str, measure: str) -> Cell:
    first, second = (one.value(scenario, "target", measure).value for one in (before, entry))
    if first is None or second is None:
        return _NOT_KNOWN
    scale = wording.scale(measure)
    paired = entry.change(scenario, measure)
    aside = f"{wording.value(measure, first)} → {wording.value(measure, second)}"
    if paired is not None:
        low, high = (_signed(end * scale.factor, scale.digits) for end in paired)
        aside += f" [{low}, {high}]"
    change = second - first
    return Cell(_signed(change * scale.factor, scale.digits), aside, change)


def _signed(number: float, digits: int) -> str:
    text = f"{number:+.{digits}f}"
    return (text.lstrip("+-") if float(text) == 0 else text).replace("-", wording.MINUS)
