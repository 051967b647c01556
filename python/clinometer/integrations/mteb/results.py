"""Evaluations as result files of mteb, written without the package.

A setting is a subset, `en+de:de`: the pool before the colon, the language of the queries after it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clinometer.errors import UsageError
from clinometer.files import json_bytes, written_whole
from clinometer.languages import long_label
from clinometer.measures import Measure, parse

if TYPE_CHECKING:
    from clinometer.evaluation.results import Evaluation

__all__ = ["mteb_name", "subset_name", "to_mteb", "write_mteb"]

_NAMES = {"nDCG": "ndcg", "R": "recall", "AP": "map", "RR": "mrr", "P": "precision", "Success": "hit_rate"}
_MEANS = ("macro", "macro-target", "macro-pivot")


def mteb_name(measure: Measure) -> str:
    """The name of a measure in mteb's spelling.

    Example:
        >>> [mteb_name(measure) for measure in parse(["nDCG@10", "RR", "Complete@10", "Intrusion(by=own)", "MaxR"])]
        ['ndcg_at_10', 'mrr', 'complete_at_10', 'intrusion_by_own', 'max_r']
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", _NAMES.get(measure.name, measure.name)).lower()
    settings = "".join(f"_{key}_{re.sub(r'[^A-Za-z0-9.]+', '_', value)}" for key, value in measure.params)
    return f"{words}{settings}" + ("" if measure.cutoff is None else f"_at_{measure.cutoff}")


def subset_name(scenario: str, pool_languages: list[str], query_language: str) -> str:
    """The name of a setting as a subset; one-sided pools, which have the languages of `multi`, are marked.

    Example:
        >>> subset_name("multi", ["en", "de"], "de"), subset_name("one-sided", ["en", "de"], "de")
        ('en+de:de', 'en+de:de:one-sided')
    """
    name = f"{'+'.join(pool_languages)}:{query_language}"
    return f"{name}:one-sided" if scenario == "one-sided" else name


def to_mteb(
    evaluation: Evaluation, task_name: str, *, split: str = "test", main: str | Measure = "nDCG@10"
) -> dict[str, Any]:
    """An evaluation in the format of mteb's result files.

    Rows of one query language become scores by subset, with mteb's names; means over languages are left to mteb, and
    undefined values are left out. `dataset_revision` is the digest of the collection. `mteb_version` is empty, since
    mteb did not measure this, and so is the time.

    Args:
        evaluation: The results.
        task_name: Name of the task and of the file.
        split: Name of the split.
        main: Measure of `main_score`.

    Raises:
        UsageError: The evaluation does not have the main measure.
        LanguageError: A language has no ISO 639-3 code and script.
    """
    (main_measure,) = parse([main])
    subsets: dict[str, dict[str, Any]] = {}
    for row in evaluation.rows:
        if row["query_language"] in _MEANS or row["value"] is None:
            continue
        name = subset_name(row["scenario"], row["pool_languages"], row["query_language"])
        labels = dict.fromkeys([row["query_language"], *row["pool_languages"]])
        scores = subsets.setdefault(
            name, {"main_score": None, "hf_subset": name, "languages": [long_label(label) for label in labels]}
        )
        # With two languages `multi` and `multilingual` are one pool, and their values are equal.
        scores.setdefault(mteb_name(parse([row["measure"]])[0]), row["value"])
    missing_subsets = [name for name, scores in subsets.items() if mteb_name(main_measure) not in scores]
    if missing_subsets or not subsets:
        subset = missing_subsets[0] if missing_subsets else "any setting"
        raise UsageError(f"no {main_measure} for {subset}; evaluate with it, or choose another main measure")
    for scores in subsets.values():
        scores["main_score"] = scores[mteb_name(main_measure)]
    return {
        "dataset_revision": str(evaluation.collection.get("digest", "")),
        "task_name": task_name,
        "mteb_version": None,
        "scores": {split: list(subsets.values())},
        "evaluation_time": None,
        "kg_co2_emissions": None,
    }


def write_mteb(evaluation: Evaluation, folder: str | os.PathLike[str], task_name: str, **options: Any) -> Path:
    """Write `TASK_NAME.json` into a folder, which is created if missing; options are those of `to_mteb`.

    Returns:
        The path of the file.
    """
    result = to_mteb(evaluation, task_name, **options)
    if not re.fullmatch(r"[\w.()+-]+", task_name):
        raise UsageError(f"the task name {task_name!r} cannot name a file; use letters, digits, '-', '_' and '.'")
    path = Path(folder) / f"{task_name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as file:
        file.write(json_bytes(result))
    return path
