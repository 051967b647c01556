"""What the intervals of a result count as independent, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clinometer.report.base.wording import count
from clinometer.statistics.intervals import FEW

__all__ = ["drawn", "rough"]


def drawn(settings: Mapping[str, Any]) -> str:
    """What was drawn and how many; empty for results of versions that do not say.

    Example:
        >>> drawn({"resample": "cluster", "clusters": 240, "questions": 1190})
        '240 groups of questions that share an answer (1,190 questions)'
        >>> drawn({"resample": "question", "clusters": 240, "questions": 1190})
        '1,190 questions as if they were independent, although they form 240 groups that share an answer'
    """
    if not {"resample", "clusters", "questions"} <= settings.keys():
        return ""
    clusters, questions = settings["clusters"], settings["questions"]
    if clusters == questions:
        return f"{_counted(questions, 'question')}, of which no two share an answer"
    groups = _counted(clusters, "group")
    if settings["resample"] == "cluster":
        return f"{groups} of questions that share an answer ({count(questions)} questions)"
    return f"{count(questions)} questions as if they were independent, although they form {groups} that share an answer"


def rough(settings: Mapping[str, Any]) -> str:
    """A sentence where few units make the intervals rough; empty where there are enough, or where nothing is known.

    Example:
        >>> rough({"resample": "cluster", "clusters": 12, "questions": 60, "resamples": 1000})
        'Only 12 independent groups of questions: the intervals are rough.'
    """
    units = settings.get("clusters" if settings.get("resample") == "cluster" else "questions")
    if not settings.get("resamples") or units is None or not 1 < units < FEW:
        return ""
    kind = "groups of questions" if settings["clusters"] < settings["questions"] else "questions"
    return f"Only {units} independent {kind}: the intervals are rough."


def _counted(number: int, noun: str) -> str:
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"
