"""Pages of made-up results in ten languages, with an analysis and with queries that are written from right to left."""

from __future__ import annotations

from itertools import count
from typing import Any

from clinometer.analysis import CATEGORIES
from clinometer.comparison import Comparison
from clinometer.report.comparison import html_comparison
from clinometer.report.leaderboard import Contribution, render_leaderboard
from support.report_places import places

__all__ = [
    "LANGUAGES",
    "compared_page",
    "comparison",
    "leaderboard_page",
    "one_result",
    "several_results",
]

LANGUAGES = ("en", "ar", "de", "es", "fr", "ja", "ko", "ru", "tr", "zh")
_UNITS = {
    "MaxR": 2.0, "MaxRnorm": 80.0, "Complete@10": 80.0, "nDCG@10": 0.8, "RankGap": 0.5, "PivotFirst": 0.5,
    "Intrusion": 0.1, "LangShare@10": 0.4,
}  # fmt: skip
_TEXTS = {
    "ar": "لماذا تصبح الجرائد القديمة صفراء تحت الشمس؟ لأن الضوء يغير الورق ببطء.",
    "de": "Warum werden alte Zeitungen in der Sonne gelb? Weil das Licht das Papier langsam verändert.",
    "ja": "古い新聞はなぜ日に当たると黄色くなるのですか。光が紙をゆっくり変えるからです。",
    "zh": "旧报纸在阳光下为什么会变黄？因为光线会慢慢改变纸张。",
}


def one_result(name: str = "tiny", start: int = 1, examples: int = 3, pairs: str = "pivot") -> dict[str, Any]:
    """A result with every scenario, an analysis, and examples in each language."""
    rows, number = [], count(start)
    for scenario, query, pool, measure in places(_UNITS, LANGUAGES, pairs=pairs):
        value = _UNITS[measure] * (0.7 + 0.5 * (next(number) * 7919 % 401) / 400)
        rows.append({
            "scenario": scenario, "query_language": query, "pool_languages": pool, "measure": measure,
            "value": value, "ci_low": 0.95 * value, "ci_high": 1.04 * value, "queries": 1190, "documents": 480,
            "ties": 0,
        })  # fmt: skip
    return {
        "collection": {
            "name": "made up", "languages": list(LANGUAGES), "documents": dict.fromkeys(LANGUAGES, 240),
            "queries": dict.fromkeys(LANGUAGES, 1190), "digest": "1",
        },
        "encoder": {"name": name, "kind": "offline", "warnings": []},
        "settings": {"pivot": "en", "confidence": 0.95, "seed": 1234, "command": "clinometer evaluate x --encoder y"},
        "rows": rows,
        "analysis": _analysis(start, examples),
    }  # fmt: skip


def _analysis(start: int, examples: int) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    cases: list[dict[str, Any]] = []
    for scenario in ("one-sided", "multi", "multilingual"):
        for position, label in enumerate(LANGUAGES):
            pool = list(LANGUAGES) if scenario == "multilingual" else ["en", label if label != "en" else "de"]
            queries = [600, 0, 3, 2, 40 + 9 * position, 20 + start % 7, 4]
            queries[0] = 1190 - sum(queries[1:])
            for category, number in zip(CATEGORIES, queries, strict=True):
                rows.append({
                    "scenario": scenario, "query_language": label, "pool_languages": pool, "category": category,
                    "queries": number, "of": 1190, "share": number / 1190, "ci_low": number / 1300,
                    "ci_high": number / 1100,
                })  # fmt: skip
            text = _TEXTS.get(label, _TEXTS["de"])
            wrong = {"rank": 1, "category": "pivot", "margin": 0.25, "id": "en:other", "language": "en",
                     "text": "Old newspapers were once printed on rags. " * 9, "score": 0.75}  # fmt: skip
            cases += [
                {
                    "scenario": scenario, "query_language": label, "pool_languages": pool, "query_id": f"{label}:{i}",
                    "query": text, "rank": 30 + i, "max_rank": 40 + i, "above": {"en": 29 + i}, "first": [wrong] * 3,
                    "answer": {"id": f"{label}:right", "language": label, "text": text * 5, "score": 0.5},
                }
                for i in range(examples)
            ]  # fmt: skip
    return {"settings": {"tolerance": 0.001, "overlap": 0.8}, "rows": rows, "examples": cases}


def several_results() -> list[dict[str, Any]]:
    """Two encoders on the same collection."""
    return [one_result(), one_result("other", start=900)]


def comparison() -> Comparison:
    """One encoder before, two after; some changes are clear and some not."""
    rows = []
    for encoder, gain in (("straight", 0.05), ("bent", -0.02)):
        for scenario, measure, size in (("multi", "Complete@10", 80.0), ("mono-same", "nDCG@1", 0.8)):
            for position, label in enumerate(["macro", *LANGUAGES]):
                before = size * (1 - 0.01 * position)
                change = size * gain * (1 + 0.1 * position)
                mixed = scenario == "multi" and label != "macro"
                pool = ["*"] if label == "macro" else ["en", label if label != "en" else "de"] if mixed else [label]
                rows.append({
                    "scenario": scenario, "query_language": label, "pool_languages": pool, "measure": measure,
                    "before": before, "after": before + change, "difference": change, "encoder": encoder,
                    "ci_low": min(0.7 * change, 1.3 * change), "ci_high": max(0.7 * change, 1.3 * change),
                    "p": 0.0004, "p_adjusted": 0.002 if position % 3 else 0.4, "effect": 0.5, "better": 30, "worse": 10,
                    "equal": 60, "queries": 100, "lower_is_better": False, "improved": change > 0,
                })  # fmt: skip
    settings = {
        "pivot": "en", "groups": {}, "confidence": 0.95, "resamples": 10_000, "correction": "holm", "seed": 1234,
        "measures": ["Complete@10", "nDCG@1"],
    }  # fmt: skip
    collection = {
        "name": "made up", "languages": list(LANGUAGES), "documents": dict.fromkeys(LANGUAGES, 240),
        "queries": dict.fromkeys(LANGUAGES, 1190),
    }  # fmt: skip
    encoders: list[dict[str, Any]] = [{"name": name, "warnings": []} for name in ("plain", "straight", "bent")]
    return Comparison(collection, encoders, ["plain", "straight", "bent"], settings, rows)


def compared_page() -> str:
    """The page of that comparison."""
    return html_comparison(comparison())


def leaderboard_page() -> str:
    """The leaderboard of three encoders."""
    return render_leaderboard([Contribution(one_result(f"encoder {start}", start=start)) for start in (1, 900, 2000)])
