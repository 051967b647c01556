"""Make the table and the figure of the README: `make figures`.

Evaluates two encoders on XQuAD with the command line (results that exist in studies/results are kept; delete them to
measure again) and writes what stands between the markers of README.md, and docs/images/lean.svg.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pages import put

from clinometer.evaluation.results import Evaluation
from clinometer.report.base.wording import language_name
from clinometer.report.evaluation.figures import draw_lean
from clinometer.report.evaluation.view import by_lean, read_results

ROOT = Path(__file__).resolve().parents[1]
ENCODERS = {"offline": "offline", "multilingual-e5-small": "models/multilingual-e5-small"}
COMMAND = "clinometer evaluate xquad:../shared/data/xquad --encoder {encoder} --scenarios {scenarios} -o {output}"
SCENARIOS = "multi,one-sided,mono-same,mono-cross,multilingual"


def command(name: str) -> list[str]:
    return COMMAND.format(encoder=ENCODERS[name], scenarios=SCENARIOS, output=f"results/xquad-{name}").split()


def results(name: str) -> Evaluation:
    kept = ROOT / "studies" / "results" / f"xquad-{name}.json"
    if not kept.exists():
        subprocess.run([sys.executable, "-m", *command(name)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        kept.parent.mkdir(exist_ok=True)
        Evaluation.from_json(ROOT / "results" / f"xquad-{name}" / "results.json").to_json(kept)
    return Evaluation.from_json(kept)


def table(evaluations: dict[str, Evaluation], languages: list[str]) -> list[str]:
    def value(evaluation: Evaluation, measure: str, scenario: str, language: str) -> float:
        found = evaluation.value(measure, scenario, language)
        return float("nan") if found is None else found

    heads = ["questions in"]
    for name in evaluations:
        heads += [f"{name}: Complete@10", "rank gap", "intrusion", "reverse"]
    lines = [f"| {' | '.join(heads)} |", "|---" + "|--:" * (len(heads) - 1) + "|"]
    for language in [*languages, "macro-target"]:
        cells = ["**mean**" if language == "macro-target" else language_name(language)]
        for evaluation in evaluations.values():
            cells += [
                f"{value(evaluation, 'Complete@10', 'multi', language):.1f}",
                f"{value(evaluation, 'RankGap', 'multi', language):+.2f}".replace("-", "−"),
                f"{100 * value(evaluation, 'Intrusion', 'one-sided', language):.1f} %",
                f"{100 * value(evaluation, 'Intrusion(by=own)', 'one-sided', language):.1f} %",
            ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main() -> None:
    evaluations = {name: results(name) for name in ENCODERS}
    readings = read_results([evaluation.to_dict() for evaluation in evaluations.values()])
    languages = by_lean(readings)
    drawing = draw_lean(readings, languages)
    if drawing is None:
        sys.exit("the results hold no rank gap; delete studies/results and run again")
    (ROOT / "docs" / "images" / "lean.svg").write_text(drawing.svg)
    block = [
        *table(evaluations, languages),
        "",
        "![How far the two encoders lean, by language of the questions](docs/images/lean.svg)",
        "",
        "Rank gap with its 95 % interval, and a stick that leans as far: blue dots are `offline`, orange diamonds are",
        "`multilingual-e5-small`. † Hindi, Greek, Romanian and Vietnamese are not among the 16 languages of `offline`.",
        "",
        "Made by `make figures`, which runs",
        "",
        *(f"    {' '.join(command(name))}" for name in ENCODERS),
        "",
    ]
    put(ROOT / "README.md", "figures", "\n".join(block))


if __name__ == "__main__":
    main()
