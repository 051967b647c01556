"""The results in the checkout, studies/results: one JSON file for each measurement, from which the pages are drawn."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from clinometer.files import written_whole

RESULTS = Path(__file__).resolve().parent / "results"


def read_result(name: str) -> Any:
    """The content of results/NAME.json."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def earlier_result(name: str, otherwise: Any) -> Any:
    """The content of results/NAME.json, or something else where nothing has been measured yet."""
    return read_result(name) if (RESULTS / f"{name}.json").exists() else otherwise


def read_results(study: str, names: Iterable[str]) -> dict[str, Any]:
    """The content of results/STUDY-NAME.json for each of the names that has been measured."""
    return {name: read_result(f"{study}-{name}") for name in names if (RESULTS / f"{study}-{name}.json").exists()}


def write_result(name: str, content: Any) -> None:
    """Write results/NAME.json; the file appears whole."""
    with written_whole(RESULTS / f"{name}.json") as file:
        file.write(json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n")
