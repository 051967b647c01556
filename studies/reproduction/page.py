"""The tables of docs/reproduction.md, drawn from studies/results/reproduction.json.

    python -m studies.reproduction.page               draws the tables
    python -m studies.reproduction.page --work DIR    first compares the runs in DIR with the baseline and adds them

Runs in that file that DIR does not have stay in it.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from clinometer.comparison import compare
from clinometer.evaluation.results import Evaluation
from studies.command_line import parser
from studies.pages import put, table, worst_language
from studies.reproduction.measure import LANGUAGES, Run, runs
from studies.result_files import earlier_result, read_result, write_result
from studies.sources import DOCS, SOURCES

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
    targets = [label for label in baseline.collection["languages"] if label != "en"]
    trained = [label for label in LANGUAGES.get(run.languages, []) if label in targets]
    groups = {"trained": trained, "unseen": [label for label in targets if label not in trained]}
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
        for label in ["en", *targets]
    }
    own = {
        row["query_language"]: row["difference"]
        for row in rows
        if (row["measure"], row["scenario"]) == ("nDCG@1", "mono-same") and row["query_language"] in ["en", *targets]
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
        heads = ["model", "correction", *(name for name, *_ in COLUMNS), "worst"]
        text += [f"### {dataset}", "", *table(heads, "ll" + "r" * (len(COLUMNS) + 1), map(_row, here)), ""]
        text += _seeds(here)
    return "\n".join(text)


def _row(line: dict[str, Any]) -> list[str]:
    cells = []
    for name, *_, digits in COLUMNS:
        mean = line["means"].get(name)
        if mean is None:
            cells.append("")
            continue
        value, _, p_adjusted = mean
        differs = p_adjusted is not None and p_adjusted < 0.01 and name != "en"
        cells.append(f"{value:.{digits}f}{'*' if differs else ''}")
    return [line["run"], HOW[line["how"]], *cells, worst_language(line["worst"])]


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
    rows = []
    for (name, how), group in several.items():
        cells = []
        for column, *_, digits in COLUMNS:
            values = [line["means"][column][0] for line in group if line["means"].get(column)]
            cells.append(f"{fmean(values):.{digits}f} ± {stdev(values):.{digits}f}" if len(values) > 1 else "")
        rows.append([name, HOW[how], str(len(group)), *cells])
    return [*table(["over seeds", "correction", "seeds", *names], "llr" + "r" * len(names), rows), ""]


def brief(record: dict[str, Any]) -> dict[str, Any]:
    """What it takes to repeat a training; of its files only the names."""
    settings = {key: record[key] for key in ("plan", "loss", "precision", "software", "steps", "seconds", "log")}
    files = [Path(path).name for path in record["plan"]["data"]]
    return settings | {"plan": record["plan"] | {"model": Path(record["plan"]["model"]).name, "data": files}}


def add_runs(work: Path) -> None:
    """Compare the runs of a folder with the baseline and add them to the results."""
    earlier = earlier_result("reproduction", {"lines": [], "records": {}})
    known = {(line["run"], line["how"], line["dataset"]): line for line in [*earlier["lines"], *measured(work)]}
    order = [(run.name, how, dataset) for dataset in SOURCES for run in runs() for how in HOW]
    records = earlier["records"]
    for run in runs():
        for path in (work / f"{run.name}.json", work / "models" / run.name / "training.json"):
            if path.exists():
                records[run.name] = brief(json.loads(path.read_text()))
    write_result("reproduction", {"lines": [known[key] for key in order if key in known], "records": records})


def main() -> None:
    options = parser(__doc__, "folder of `studies.reproduction.measure`", required=False).parse_args()
    if options.work:
        add_runs(options.work)
    text = tables(read_result("reproduction")["lines"])
    put(DOCS / "reproduction.md", "tables", f"{text}\n")
    print(text)


if __name__ == "__main__":
    main()
