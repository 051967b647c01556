"""The table and the figure of docs/two-encoders.md: how two encoders lean on XQuAD; and the picture of README.

    python -m studies.pictures.figures

Writes docs/two-encoders.md between the markers, docs/images/lean.svg and docs/images/finding.svg from the results in
studies/results, without an encoder; `make figures` runs it. To measure XQuAD again, delete its results: the encoders
are then evaluated with the command line, which needs the model that `make test-models` makes.
"""

from __future__ import annotations

import subprocess
import sys

from clinometer.evaluation.results import Evaluation
from clinometer.report.base.figure_files import svg_file
from clinometer.report.base.wording import language_name
from clinometer.report.evaluation.figures import draw_lean
from clinometer.report.evaluation.view import by_lean, read_results
from studies.command_line import parser
from studies.pages import minus, put, table
from studies.pictures import finding
from studies.result_files import RESULTS
from studies.sources import DOCS, ROOT

ENCODERS = {"offline": "offline", "multilingual-e5-small": "models/multilingual-e5-small"}
COMMAND = "clinometer evaluate xquad:../shared/data/xquad --encoder {encoder} --scenarios {scenarios} -o {output}"
SCENARIOS = "multi,one-sided,mono-same,mono-cross,multilingual"


def command(name: str) -> list[str]:
    return COMMAND.format(encoder=ENCODERS[name], scenarios=SCENARIOS, output=f"results/xquad-{name}").split()


def results(name: str) -> Evaluation:
    path = RESULTS / f"xquad-{name}.json"
    if not path.exists():
        subprocess.run([sys.executable, "-m", *command(name)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        Evaluation.from_json(ROOT / "results" / f"xquad-{name}" / "results.json").to_json(path)
    return Evaluation.from_json(path)


def lean_table(evaluations: dict[str, Evaluation], languages: list[str]) -> list[str]:
    def value(evaluation: Evaluation, measure: str, scenario: str, language: str) -> float:
        number = evaluation.value(measure, scenario, language)
        return float("nan") if number is None else number

    heads = ["questions in"]
    for name in evaluations:
        heads += [f"{name}: Complete@10", "rank gap", "intrusion", "reverse"]
    rows = []
    for language in [*languages, "macro-target"]:
        cells = ["**mean**" if language == "macro-target" else language_name(language)]
        for evaluation in evaluations.values():
            cells += [
                f"{value(evaluation, 'Complete@10', 'multi', language):.1f}",
                minus(f"{value(evaluation, 'RankGap', 'multi', language):+.2f}"),
                f"{100 * value(evaluation, 'Intrusion', 'one-sided', language):.1f} %",
                f"{100 * value(evaluation, 'Intrusion(by=own)', 'one-sided', language):.1f} %",
            ]
        rows.append(cells)
    return table(heads, "l" + "r" * (len(heads) - 1), rows)


def main() -> None:
    parser(__doc__).parse_args()
    evaluations = {name: results(name) for name in ENCODERS}
    views = read_results([evaluation.to_dict() for evaluation in evaluations.values()])
    languages = by_lean(views)
    drawing = draw_lean(views, languages)
    if drawing is None:
        sys.exit("the results hold no rank gap; delete studies/results and run again")
    (DOCS / "images" / "lean.svg").write_text(svg_file(drawing), encoding="utf-8")
    block = [
        *lean_table(evaluations, languages),
        "",
        "![How far the two encoders lean, by language of the questions](images/lean.svg)",
        "",
        "Rank gap with its 95 % interval, and a stick that leans as far. † Hindi, Greek, Romanian and Vietnamese are",
        "not among the 16 languages of `offline`.",
        "",
        "Drawn by `make figures` from the results of",
        "",
        "```bash",
        *(" ".join(command(name)) for name in ENCODERS),
        "```",
        "",
    ]
    put(DOCS / "two-encoders.md", "figures", "\n".join(block))
    finding.write()


if __name__ == "__main__":
    main()
