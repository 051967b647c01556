"""Result files of mteb of any version, also with NaN and Infinity, as tidy rows."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from typing import Any

from clinometer.errors import FormatError, MeasureError, first_line
from clinometer.io.textfiles import require_file
from clinometer.measures import parse

__all__ = ["read_mteb"]

# Before version 1.11 scores by kind of similarity lay in objects of these names; other objects are subsets.
_FAMILIES = ("cos_sim", "cosine", "dot", "euclidean", "manhattan", "max", "similarity")
_NOT_SCORES = ("evaluation_time", "hf_subset", "kg_co2_emissions")


def read_mteb(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The scores of one of mteb's result files as tidy rows.

    Files of mteb 1.11 and newer have `scores` by split and subset; older ones have an object for each split, with the
    scores or with an object for each subset. mteb writes NaN where a score is undefined, such as `nauc_*` if all
    queries have the same value; such rows have the value NaN.

    Args:
        path: The file.

    Returns:
        One dictionary per split, subset and score: `task`, `split`, `subset` (`default` if there are none), `languages`
        (empty if the file does not say), `measure`, `value`. Measures that clinometer knows are in its spelling, others
        as in the file, and those by kind of similarity as `cos_sim_spearman`; what is not a number is left out.

    Raises:
        FormatError: Not a result file of mteb.
        FileNotFoundError: The file does not exist.
    """
    result = _object(path)
    task = result.get("task_name", result.get("mteb_dataset_name"))
    if not isinstance(task, str):
        raise _not_mteb(path, "it has neither 'task_name' nor 'mteb_dataset_name'")
    subsets = list(_new_subsets(path, result["scores"]) if "scores" in result else _old_subsets(result))
    rows = [
        {
            "task": task,
            "split": split,
            "subset": subset,
            "languages": languages,
            "measure": _ours(name),
            "value": value,
        }
        for split, subset, languages, scores in subsets
        for name, value in _numbers(scores)
    ]
    if not rows:
        raise _not_mteb(path, "it has no scores")
    return rows


def _object(path: str | os.PathLike[str]) -> dict[str, Any]:
    file = require_file(path)
    try:
        # Python's decoder reads NaN and Infinity, which JSON does not have and msgspec refuses.
        result = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise _not_mteb(path, first_line(error)) from None
    if not isinstance(result, dict):
        raise _not_mteb(path, "it is not an object")
    return result


def _new_subsets(path: str | os.PathLike[str], scores: Any) -> Iterator[tuple[str, str, list[str], dict[str, Any]]]:
    """Split, subset, its languages and its scores, from version 1.11 on."""
    if not isinstance(scores, dict):
        raise _not_mteb(path, "'scores' is not an object of splits")
    for split, subsets in scores.items():
        for subset in subsets if isinstance(subsets, list) else [subsets]:
            if not isinstance(subset, dict):
                raise _not_mteb(path, f"the split {split!r} is not a list of objects with scores")
            languages = subset.get("languages")
            labels = [label for label in languages if isinstance(label, str)] if isinstance(languages, list) else []
            yield split, str(subset.get("hf_subset") or "default"), labels, subset


def _old_subsets(result: dict[str, Any]) -> Iterator[tuple[str, str, list[str], dict[str, Any]]]:
    """The same before version 1.11, where languages are not said."""
    for split, entries in result.items():
        if not isinstance(entries, dict):
            continue
        subsets = {name: entry for name, entry in entries.items() if isinstance(entry, dict) and name not in _FAMILIES}
        for name, scores in subsets.items():
            yield split, name, [], scores
        if scores := {name: entry for name, entry in entries.items() if name not in subsets}:
            yield split, "default", [], scores


def _numbers(scores: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in scores.items():
        if isinstance(value, dict) and name in _FAMILIES:
            yield from ((f"{name}_{part}", number) for part, number in _numbers(value))
        elif isinstance(value, (int, float)) and not isinstance(value, bool) and name not in _NOT_SCORES:
            yield name, _float(value)


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _not_mteb(path: str | os.PathLike[str], problem: str) -> FormatError:
    return FormatError(os.fspath(path), None, f"not a result file of mteb: {problem}")


def _ours(name: str) -> str:
    try:
        return str(parse([name])[0])
    except MeasureError:
        return name
