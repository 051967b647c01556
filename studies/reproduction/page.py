"""The tables of docs/reproduction.md, from what studies/reproduction.py left in its folder.

    python studies/reproduction_tables.py --work DIR    compares with the baseline, adds to results/reproduction.json
    python studies/reproduction_tables.py               writes the tables again from that file

Runs of that file that DIR does not hold are kept. What stands between the markers of docs/reproduction.md is replaced.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from pages import put
from reproduction import LANGUAGES, SOURCES, Run, runs

from clinometer.comparison import compare
from clinometer.evaluation.results import Evaluation

STUDIES = Path(__file__).resolve().parent
KEPT = STUDIES / "results" / "reproduction.json"
PAGE = STUDIES.parent / "docs" / "reproduction.md"
MEASURES = ["Complete@10", "MaxRnorm", "nDCG@1", "RankGap", "Intrusion", "LPR", "LanguageGap(MaxRnorm)"]
HOW = {"none": "as it is", "index": "centered on the index", "index+queries": "centered, sample of queries"}
COLUMNS = (
    ("Complete@10", "Complete@10", "multi", "macro-target", 1),
    ("trained", "Complete@10", "multi", "trained", 1),
    ("unseen", "Complete@10", "multi", "unseen", 1),
    ("en", "Complete@10", "multi", "macro-pivot", 1),
    ("MaxRnorm", "MaxRnorm", "multi", "macro-target", 1),
    ("nDCG@1", "nDCG@1", "multi", "macro-target", 3),
    ("rank gap", "RankGap", "multi", "macro-target", 2),
    ("language gap", "LanguageGap(MaxRnorm)", "multi", "macro-target", 1),
    ("intrusion", "Intrusion", "one-sided", "macro-target", 3),
    ("LPR", "LPR", "multi", "macro-target", 1),
    ("mono-cross", "nDCG@1", "mono-cross", "macro-target", 3),
    ("mono-same", "nDCG@1", "mono-same", "macro", 3),
)


def line_of(run: Run, how: str, dataset: str, work: Path, baseline: Evaluation) -> dict[str, Any]:
    """One model and correction on one collection, against the untrained model as it is."""
    folder = work / "evaluations" / run.name / how / dataset
    line: dict[str, Any] = {"run": run.name, "how": how, "dataset": dataset}
    there = [label for label in baseline.collection["languages"] if label != "en"]
    trained = [label for label in LANGUAGES.get(run.languages, []) if label in there]
    groups = {"trained": trained, "unseen": [label for label in there if label not in trained]}
    groups = {name: labels for name, labels in groups.items() if labels and trained}
    after = Evaluation.from_folder(folder)
    if (run.name, how) == ("baseline", "none"):
        values = {(r["measure"], r["scenario"], r["query_language"]): (r["value"], None, None) for r in after.rows}
        rows = []
    else:
        comparison = compare(
            baseline, after, measures=MEASURES, scenarios=["multi", "one-sided", "mono-same", "mono-cross"],
            groups=groups, resamples=2000, labels=["before", "after"],
        )  # fmt: skip
        rows = comparison.rows
        values = {(r["measure"], r["scenario"], r["query_language"]): (r["after"], r["difference"], r["p_adjusted"])
                  for r in rows}  # fmt: skip
    line["means"] = {name: values.get((measure, scenario, who)) for name, measure, scenario, who, _ in COLUMNS}
    line["languages"] = {
        label: {
            f"{measure} {scenario}": values[measure, scenario, label]
            for measure, scenario in (("Complete@10", "multi"), ("nDCG@1", "multi"), ("nDCG@1", "mono-same"))
            if (measure, scenario, label) in values and (label != "en" or scenario == "mono-same")
        }
        for label in ["en", *there]
    }
    own = {
        row["query_language"]: row["difference"]
        for row in rows
        if (row["measure"], row["scenario"]) == ("nDCG@1", "mono-same") and row["query_language"] in ["en", *there]
    }
    line["worst"] = min(own.items(), key=lambda pair: pair[1]) if own else None
    return line


def measured(work: Path) -> list[dict[str, Any]]:
    lines = []
    for dataset in SOURCES:
        first = work / "evaluations" / "baseline" / "none" / dataset
        baseline = Evaluation.from_folder(first)
        for run in runs():
            done = [how for how in HOW if (work / "evaluations" / run.name / how / dataset / "results.json").exists()]
            lines += [line_of(run, how, dataset, work, baseline) for how in done]
    return lines


def tables(lines: list[dict[str, Any]]) -> str:
    text: list[str] = []
    for dataset in SOURCES:
        here = [line for line in lines if line["dataset"] == dataset]
        if not here:
            continue
        text += [f"### {dataset}", "", f"| model | correction | {' | '.join(name for name, *_ in COLUMNS)} | worst |"]
        text += ["|---|---|" + "--:|" * (len(COLUMNS) + 1)]
        for line in here:
            cells = []
            for name, *_, digits in COLUMNS:
                found = line["means"].get(name)
                cell = "" if found is None else f"{found[0]:.{digits}f}"
                if found is not None and found[2] is not None and found[2] < 0.01 and name != "en":
                    cell += "*"
                cells.append(cell)
            worst = f"{line['worst'][0]} {100 * line['worst'][1]:+.1f}".replace("-", "−") if line["worst"] else ""
            text.append(f"| {line['run']} | {HOW[line['how']]} | {' | '.join(cells)} | {worst} |")
        text.append("")
        text += _seeds(here)
    return "\n".join(text)


def _seeds(lines: list[dict[str, Any]]) -> list[str]:
    """Mean and standard deviation over seeds, where there are several."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in lines:
        name, _, seed = line["run"].rpartition("-")
        if seed.isdigit():
            groups.setdefault((name, line["how"]), []).append(line)
    several = {key: group for key, group in groups.items() if len(group) > 1}
    if not several:
        return []
    names = [name for name, *_ in COLUMNS]
    text = [f"| over seeds | correction | seeds | {' | '.join(names)} |", "|---|---|--:|" + "--:|" * len(names)]
    for (name, how), group in several.items():
        cells = []
        for column, *_, digits in COLUMNS:
            values = [line["means"][column][0] for line in group if line["means"].get(column)]
            cells.append(f"{fmean(values):.{digits}f} ± {stdev(values):.{digits}f}" if len(values) > 1 else "")
        text.append(f"| {name} | {HOW[how]} | {len(group)} | {' | '.join(cells)} |")
    return [*text, ""]


def brief(record: dict[str, Any]) -> dict[str, Any]:
    """What repeats a training, without where its files lay."""
    kept = {key: record[key] for key in ("plan", "loss", "precision", "software", "steps", "seconds", "log")}
    files = [Path(path).name for path in record["plan"]["data"]]
    return kept | {"plan": record["plan"] | {"model": Path(record["plan"]["model"]).name, "data": files}}


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--work", type=Path, help="folder of studies/reproduction.py")
    given = options.parse_args()
    if given.work:
        earlier = json.loads(KEPT.read_text()) if KEPT.exists() else {"lines": [], "records": {}}
        known = {(line["run"], line["how"], line["dataset"]): line for line in earlier["lines"]}
        known |= {(line["run"], line["how"], line["dataset"]): line for line in measured(given.work)}
        wanted = [(run.name, how, dataset) for dataset in SOURCES for run in runs() for how in HOW]
        lines = [known[place] for place in wanted if place in known]
        records = earlier["records"]
        for run in runs():
            for path in (given.work / f"{run.name}.json", given.work / "models" / run.name / "training.json"):
                if path.exists():
                    records[run.name] = brief(json.loads(path.read_text()))
        KEPT.write_text(json.dumps({"lines": lines, "records": records}, indent=1) + "\n")
    found = json.loads(KEPT.read_text())
    text = tables(found["lines"])
    put(PAGE, "tables", f"{text}\n")
    print(text)


if __name__ == "__main__":
    main()
