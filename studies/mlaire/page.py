"""The tables of docs/mlaire.md, drawn from studies/results/mlaire.json.

python -m studies.mlaire.page
"""

from __future__ import annotations

from typing import Any

from clinometer import Evaluation, correlate
from studies.command_line import parser
from studies.pages import minus, put, table
from studies.result_files import read_result, write_result
from studies.sources import DOCS, ENCODERS

SCENARIO = "multilingual"
RETRIEVERS = (*ENCODERS, *(f"{name}, centered" for name in ENCODERS), "bm25")
QUALITY = (
    ("nDCG@1", "nDCG@1", 3), ("nDCG@10", "nDCG@10", 3), ("nDCG@20", "nDCG@20", 3), ("Lang-nDCG@10", "LangNDCG@10", 3),
    ("gain 0", "LangNDCG(gain=0)@10", 3), ("LPR", "LPR", 1), ("top1", "LPR(variant=top1)", 1),
    ("any", "LPR(variant=any)", 1), ("pair", "LPR(variant=pair)", 1),
)  # fmt: skip
SPLIT = (
    ("SR-QL", "FourWay(SR-QL)", 1), ("SR-NQL", "FourWay(SR-NQL)", 1), ("NSR-QL", "FourWay(NSR-QL)", 1),
    ("NSR-NQL", "FourWay(NSR-NQL)", 1), ("rank distance", "RankDistance", 1), ("violation", "StrongViolation", 3),
)  # fmt: skip
BY_LANGUAGE = (("nDCG@10", "nDCG@10", 2), ("LPR", "LPR", 0))
PAIRS = (("nDCG@10", "LPR"), ("nDCG@1", "LPR"), ("nDCG@20", "LPR"), ("LangNDCG@10", "LPR"))


def brief(evaluation: Evaluation) -> dict[str, Any]:
    """What the tables need of an evaluation: values by query language, and where they come from."""
    values: dict[str, dict[str, float | None]] = {}
    for row in evaluation.rows:
        if row["query_language"] not in ("macro-target", "macro-pivot"):
            value = row["value"]
            rounded = None if value is None else round(value, 4)
            values.setdefault(row["query_language"], {})[row["measure"]] = rounded
    facts = {name: evaluation.collection[name] for name in ("name", "languages", "documents", "queries", "digest")}
    facts["incomplete_documents"] = evaluation.collection["notes"]["incomplete_documents"]
    record = {name: evaluation.encoder[name] for name in ("name", "kind", "revision", "dtype", "settings")}
    settings = {name: evaluation.settings[name] for name in ("ties", "similarity", "version")}
    return {
        "collection": facts, "retriever": record, "settings": settings,
        "notices": evaluation.notices, "values": values,
    }  # fmt: skip


def correlations(evaluations: dict[str, Evaluation]) -> list[dict[str, Any]]:
    """Pairs of measures over the retrievers of one collection, where there are enough."""
    if len(evaluations) < 3:
        return []
    names = list(evaluations)
    return [correlate(evaluations.values(), x, y, SCENARIO, names=names).to_dict() for x, y in PAIRS]


def save_results(evaluations: dict[str, dict[str, Evaluation]]) -> None:
    """Write results/mlaire.json from evaluations by collection and retriever."""
    content = {
        dataset: {
            "retrievers": {name: brief(evaluation) for name, evaluation in by_retriever.items()},
            "correlations": correlations(by_retriever),
        }
        for dataset, by_retriever in evaluations.items()
    }
    write_result("mlaire", content)


def write_page() -> None:
    """Write the tables between the markers of the page."""
    sections = (_section(dataset, part) for dataset, part in read_result("mlaire").items())
    put(DOCS / "mlaire.md", "tables", "\n".join(sections))


def _section(dataset: str, part: dict[str, Any]) -> str:
    retrievers = part["retrievers"]
    first = next(iter(retrievers.values()))["collection"]
    languages = first["languages"]
    documents, queries = (sum(first[name].values()) for name in ("documents", "queries"))
    lines = [
        f"### {dataset}",
        "",
        f"{documents:,} documents and {queries:,} queries in {len(languages)} languages; chance of LPR, top1 and "
        f"any: {100 / len(languages):.1f}, of pair: 50.",
        "",
    ]
    lines += _means(retrievers, QUALITY) + _means(retrievers, SPLIT) + _by_language(retrievers, languages)
    for one in retrievers.values():
        lines += [f"{notice}." for notice in one["notices"]] + [""] * bool(one["notices"])
    if absent := [name for name in RETRIEVERS if name not in retrievers]:
        lines += [f"Not run yet: {', '.join(absent)}.", ""]
    if part["correlations"]:
        n = part["correlations"][0]["n"]
        rows = [
            [f"{pair['x']} and {pair['y']}", *(minus(f"{pair[name]:+.2f}") for name in ("pearson", "spearman"))]
            for pair in part["correlations"]
        ]
        lines += [*table([f"over {n} retrievers", "Pearson", "Spearman"], "lrr", rows), ""]
    return "\n".join(lines)


def _means(retrievers: dict[str, Any], columns: tuple[tuple[str, str, int], ...]) -> list[str]:
    rows = [
        [name, *(_cell(one["values"]["macro"].get(measure), digits) for _, measure, digits in columns)]
        for name, one in retrievers.items()
    ]
    return [*table(["retriever", *(head for head, *_ in columns)], "l" + "r" * len(columns), rows), ""]


def _by_language(retrievers: dict[str, Any], languages: list[str]) -> list[str]:
    heads = [
        f"{name}: {shown}" if shown == BY_LANGUAGE[0][0] else shown for name in retrievers for shown, *_ in BY_LANGUAGE
    ]
    rows = []
    for language in languages:
        values = (one["values"].get(language, {}) for one in retrievers.values())
        cells = [_cell(value.get(measure), digits) for value in values for _, measure, digits in BY_LANGUAGE]
        rows.append([language, *cells])
    return [*table(["queries in", *heads], "l" + "r" * len(heads), rows), ""]


def _cell(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    parser(__doc__).parse_args()
    write_page()
