"""A check of results as text, Markdown, JSON and JUnit's XML: what holds, what fails, and by how much.

The same verdicts in every form. Markdown is short enough for a comment on a pull request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clinometer.comparison.conditions import Verdict
from clinometer.comparison.outcome import Case, Outcome, code, marker
from clinometer.evaluation.results import Evaluation
from clinometer.files import json_bytes
from clinometer.report.base.text import escape_markdown, markdown_row
from clinometer.report.base.wording import DASH
from clinometer.report.comparison.view import probability

__all__ = ["Gate"]

_MOST = 40
"""Rows of a table in a comment; GitHub takes 65,536 characters."""


@dataclass(frozen=True)
class Gate:
    """Verdicts on results, and how they are shown.

    Args:
        evaluation: The results.
        verdicts: One for each condition.
        baseline: Results that drops and rises were measured from.
        paired: Whether drops and rises were tested.
        config: File of options and the options from it, for its JSON.
    """

    evaluation: Evaluation
    verdicts: Sequence[Verdict]
    baseline: Evaluation | None = None
    paired: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether every condition holds."""
        return all(verdict.holds for verdict in self.verdicts)

    @property
    def title(self) -> str:
        """What was checked, as every file begins."""
        return f"clinometer check of {_subject(self.evaluation)}"

    def to_json(self) -> str:
        """The verdicts for programs."""
        conditions = [verdict.to_dict() for verdict in self.verdicts]
        record = {"title": self.title, "holds": self.holds, "conditions": conditions, **self.config}
        return json_bytes(record).decode()

    def to_text(self, most: int | None = None) -> str:
        """One line for each condition, and one for each row that fails, or for the first `most` of them."""
        lines = []
        for verdict in self.verdicts:
            state = "ok   " if verdict.holds else "FAIL "
            failed = "" if verdict.holds else f"{len(verdict.failures)} of "
            lines.append(f"{state} {verdict.condition} ({failed}{_rows(verdict.rows)})")
            lines += [f"       {_sentence(row)}" for row in verdict.failures[:most]]
            if most is not None and (more := len(verdict.failures) - most) > 0:
                lines.append(f"       {more} more row{'' if more == 1 else 's'}: --verbose")
        return "\n".join(lines) + "\n"

    def to_junit(self) -> str:
        """JUnit's XML: one test case for each condition."""
        cases = []
        for verdict in self.verdicts:
            condition = verdict.condition
            group = ".".join(part for part in (condition.measure, condition.scenario) if part)
            failures = tuple(map(_sentence, verdict.failures))
            text = f"{_rows(verdict.rows)}; worst: {_sentence(verdict.worst)}"
            cases.append(Case(group, str(condition), failures, text))
        return Outcome(self.title, tuple(cases), tuple(self._facts())).to_junit()

    def to_markdown(self) -> str:
        """A table of the conditions, then of the rows that fail."""
        failed = sum(not verdict.holds for verdict in self.verdicts)
        total = f"{len(self.verdicts)} condition{'' if len(self.verdicts) == 1 else 's'}"
        state = f"**{failed} of {total} fail{'s' if failed == 1 else ''}.**" if failed else f"{total}: all hold."
        blocks = [marker(self.title), f"## clinometer check of {_subject(self.evaluation, quoted=True)}", state]
        worst = [(verdict, [verdict.worst]) for verdict in self.verdicts]
        blocks.append(self._table("worst row", worst))
        rows = [(verdict, verdict.failures) for verdict in self.verdicts if len(verdict.failures) > 1]
        if rows:
            blocks += ["### Rows that fail", self._table("where", rows)]
            if more := sum(len(failures) for _, failures in rows) - _MOST:
                blocks += [f"{more} more rows fail; `--format json` lists all."] if more > 0 else []
        blocks += [escape_markdown(sentence) for sentence in self._facts()]
        return "\n\n".join(blocks) + "\n"

    def _table(self, heading: str, parts: Sequence[tuple[Verdict, list[dict[str, Any]]]]) -> str:
        relative = self.baseline is not None
        heads = ["", "condition", heading, "value", "interval"]
        heads += ["before", "change"] if relative else []
        heads += ["adj. p"] if self.paired else []
        lines = [markdown_row(heads), "|---|---|---|" + "--:|" * (len(heads) - 3)]
        rows = [(verdict, row) for verdict, failures in parts for row in failures]
        for verdict, row in rows[:_MOST]:
            cells = [
                "ok" if verdict.holds else "**fails**",
                code(str(verdict.condition), cell=True),
                code(_setting(row), cell=True),
                _number(row["value"]),
                DASH if row["ci_low"] is None else f"{row['ci_low']:.4g} to {row['ci_high']:.4g}",
            ]
            if relative:
                change = None if None in (row.get("baseline"), row["compared"]) else row["compared"]
                sign = -1 if verdict.condition.kind == "max-drop" else 1
                cells += [_number(row.get("baseline")), DASH if change is None else f"{sign * change:+.4g}"]
            cells += [probability(row.get("p"))] if self.paired else []
            lines.append(markdown_row(cells))
        return "\n".join(lines)

    def _facts(self) -> list[str]:
        facts = []
        if self.baseline is not None:
            facts.append(f"Drops and rises are measured from the results of {_subject(self.baseline)}.")
        if self.paired:
            facts.append(
                "One beyond its limit fails only if it is more than chance: a paired permutation test of the mean "
                "difference, p adjusted by Holm's method over the languages of a scenario and measure, at most 0.05."
            )
        return facts


def _rows(number: int) -> str:
    return f"{number} row{'' if number == 1 else 's'}"


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:.4g}"


def _subject(evaluation: Evaluation, *, quoted: bool = False) -> str:
    names = (evaluation.encoder.get("name", "an encoder"), evaluation.collection.get("name", "a collection"))
    encoder, collection = (code(str(name)) if quoted else str(name) for name in names)
    return f"{encoder} on {collection}"


def _setting(row: dict[str, Any]) -> str:
    return f"{row['scenario']}, questions in {row['query_language']}, pool {'+'.join(row['pool_languages'])}"


def _sentence(row: dict[str, Any]) -> str:
    setting = _setting(row)
    if row["value"] is None:
        return f"{setting}: not defined"
    interval = "" if row["ci_low"] is None else f" ({row['ci_low']:.4g} to {row['ci_high']:.4g})"
    value = f"{setting}: {row['value']:.4g}{interval}"
    if "baseline" not in row:
        return value
    before = "not defined" if row["baseline"] is None else f"{row['baseline']:.4g}"
    test = "" if row.get("p") is None else f" (adjusted p {probability(row['p'])})"
    return f"{value}, in the baseline {before}{test}"
