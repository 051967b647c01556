"""Made-up results with numbers that can be found again: every value of a result is different."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from support.report_places import SCENARIOS, places

Result = dict[str, Any]

_UNITS = {
    "MaxR": 2.0,
    "MaxRnorm": 40.0,
    "Complete@10": 50.0,
    "nDCG@10": 0.5,
    "RankGap": 0.5,
    "PivotFirst": 0.5,
    "Intrusion": 0.1,
    "LangShare@10": 0.4,
}


def _row(scenario: str, query: str, pool: list[str], measure: str, value: float | None, **more: Any) -> Result:
    ends = {"ci_low": None if value is None else value * 0.9, "ci_high": None if value is None else value * 1.1}
    row = {"scenario": scenario, "query_language": query, "pool_languages": pool, "measure": measure, "value": value}
    return row | ends | {"queries": 1190, "documents": 480, "ties": 2} | more


def _result(
    languages: tuple[str, ...] = ("en", "de", "th", "zh"),
    scenarios: tuple[str, ...] = SCENARIOS,
    name: str = "offline",
    collection: str = "xquad",
    pairs: str = "pivot",
    start: int = 1,
) -> Result:
    number = count(start)
    rows = [
        _row(scenario, query, pool, measure, _UNITS[measure] * (1 + 0.003 * next(number)))
        for scenario, query, pool, measure in places(_UNITS, languages, scenarios, pairs)
    ]
    return {
        "collection": {
            "name": collection,
            "languages": list(languages),
            "documents": dict.fromkeys(languages, 240),
            "queries": dict.fromkeys(languages, 1190),
            "judgements": 4760,
            "parallel_groups": 240,
            "complete_groups": 240,
            "digest": f"digest of {collection}",
            "notes": {"unit": "paragraph", "duplicates_removed": {"en": 0, "zh": 1}},
        },
        "encoder": {
            "name": name,
            "kind": "offline",
            "revision": "3",
            "dimension": 512,
            "query_prompt": "query: ",
            "document_prompt": "",
            "max_length": None,
            "dtype": "float32",
            "normalized": True,
            "languages": None,
            "warnings": [],
        },
        "settings": {
            "pivot": "en",
            "pairs": pairs,
            "ties": "index",
            "confidence": 0.95,
            "seed": 1234,
            "command": "clinometer demo",
        },
        "rows": rows,
    }


@pytest.fixture(scope="session")
def make_result() -> Callable[..., Result]:
    """Builds a result; see `_result` for what can be chosen."""
    return _result


@pytest.fixture(scope="session")
def make_row() -> Callable[..., Result]:
    """Builds a row: scenario, query language, pool languages, measure, value, and other columns by name."""
    return _row
