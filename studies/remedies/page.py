"""The tables of docs/which-remedy.md and the short one of README.md, drawn from studies/results.

python -m studies.remedies.page
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from studies.command_line import parser
from studies.pages import minus, put, table, worst_change
from studies.remedies.page_harm import advice_table, harmless_table, own_first_table, setting_tables, veto_table
from studies.remedies.stacks import REMEDIES, Remedy
from studies.result_files import read_result
from studies.sources import DOCS, ENCODERS, EVALUATED, ROOT, TITLES

NAMES = tuple(reversed(ENCODERS))
MAIN = "multilingual-e5-small"
SIGNIFICANT = 0.05
NOT_MEASURED = "not measured"
RECORDED = (
    ("trained: upright (joint)", "joint-upright-42", "none"),
    ("trained: upright (joint), center", "joint-upright-42", "index+queries"),
    ("trained: literal loss (joint)", "joint-literal-42", "none"),
    ("trained: literal loss (joint), center", "joint-literal-42", "index+queries"),
)
"""Trained models of `studies.reproduction`, whose weights are gone: only the figures that it recorded."""
RECORDED_NEEDS = "2,800 translated samples, training"
SHORT = (
    "nothing", "center", "center, feedback", "center, turn", "center, turn, feedback",
    "center, turn, feedback, own first", "center, turn, expansion",
    "adapter, closed form",
    "trained: upright (joint)", "trained: upright (joint), center", "trained: literal loss (joint)",
)  # fmt: skip

Line = Mapping[str, Any]
QUESTIONS = {"target": "Questions in the target language", "pivot": "Questions in English"}
WHAT = ("what is found", "what comes first")


def results() -> dict[str, list[dict[str, Any]]]:
    """The lines of each collection, those of recorded models at the end."""
    recorded = {(line["run"], line["how"], line["dataset"]): line for line in read_result("reproduction")["lines"]}
    lines = {}
    for name in EVALUATED:
        more = [as_recorded(title, recorded[run, how, name]) for title, run, how in RECORDED]
        lines[name] = [*read_result(f"remedies-{name}"), *more]
    return lines


def as_recorded(title: str, line: Line) -> dict[str, Any]:
    """A line of `studies.reproduction` in the form of this study, with what it has."""
    means = line["means"]

    def known(column: str, factor: float = 1) -> list[Any]:
        return [factor * means[column][0], None, None] if means.get(column) else [None, None, None]

    return {
        "encoder": MAIN,
        "remedy": title,
        "target": {
            "Complete@10 multi": known("Complete@10"),
            "nDCG@1 multi": known("nDCG@1"),
            "Intrusion one-sided": known("intrusion"),
            "LPR multi": known("LPR"),
        },
        "pivot": {"Complete@10 multi": known("en")},
        "mono-same": {
            label: {"change": values["nDCG@1 mono-same"][1], "error": None}
            for label, values in line["languages"].items()
        },
    }


def number(values: Sequence[float | None] | None, digits: int, factor: float = 1, mark: str = "") -> str:
    """A mean with its interval; words where it was not measured."""
    if values is None or values[0] is None:
        return NOT_MEASURED
    text = f"{factor * values[0]:.{digits}f}{mark}"
    if values[1] is None or values[2] is None:
        return text
    return f"{text} [{factor * values[1]:.{digits}f}, {factor * values[2]:.{digits}f}]"


def difference(line: Line, questions: str, measure: str) -> str:
    """The difference to centering with its interval, starred where it is beyond chance."""
    tests = line.get("against_center")
    if tests is None:
        return "" if line["remedy"] == "center" else NOT_MEASURED
    value, low, high, _ = tests[f"{questions} {measure}"]
    return minus(f"{value:+.1f}{mark(line, questions, measure)} [{low:+.1f}, {high:+.1f}]")


def mark(line: Line, questions: str, measure: str) -> str:
    tests = line.get("against_center")
    return "*" if tests and tests[f"{questions} {measure}"][3] < SIGNIFICANT else ""


def mean_change(line: Line) -> str:
    return minus(f"{100 * fmean(one['change'] for one in line['mono-same'].values()):+.1f}")


def title(remedy: Remedy) -> str:
    return f"{remedy.name}†" if remedy.transductive else remedy.name


Column = tuple[str, Callable[[Line], str]]


def columns(questions: str) -> tuple[list[Column], list[Column]]:
    """The two tables of one language of questions: what is found, and what comes before it."""

    def cell(name: str, digits: int, factor: float = 1) -> Callable[[Line], str]:
        return lambda line: number(line[questions].get(name), digits, factor)

    def tested(line: Line) -> str:
        return number(line[questions].get("nDCG@1 multi"), 3, 1, mark(line, questions, "nDCG@1"))

    found: list[Column] = [
        ("Complete@10", cell("Complete@10 multi", 1)),
        ("against `center`", lambda line: difference(line, questions, "Complete@10")),
        ("Reachable@10", cell("Reachable@10 multi", 1)),
        ("nDCG@1", tested),
    ]
    if questions == "target":
        found += [
            ("mono-same", lambda line: "" if line["remedy"] == "nothing" else mean_change(line)),
            ("worst language", lambda line: "" if line["remedy"] == "nothing" else worst_change(line["mono-same"])),
        ]
    before: list[Column] = [
        ("one-sided nDCG@1", cell("nDCG@1 one-sided", 3)),
        ("intrusion, %", cell("Intrusion one-sided", 1, 100)),
        ("the other way, %", cell("Intrusion(by=own) one-sided", 1, 100)),
        ("LPR", cell("LPR multi", 1)),
    ]
    return found, before


def tables_of(lines: Sequence[Line], titles: Mapping[str, str]) -> Iterator[str]:
    """All tables of one encoder on one collection."""
    measured_lines = [line for line in lines if "why_not" not in line]
    for questions, words in QUESTIONS.items():
        for what, chosen in zip(WHAT, columns(questions), strict=True):
            rows = [
                [titles.get(line["remedy"], line["remedy"]), *(cell(line) for _, cell in chosen)]
                for line in measured_lines
            ]
            yield from (f"{words}: {what}.", "")
            yield from table(("remedy", *(head for head, _ in chosen)), "l" + "r" * len(chosen), rows)
            yield ""
    if left_out := [line["remedy"] for line in lines if "why_not" in line]:
        yield from (f"Not measured here: {'; '.join(left_out)}.", "")


def tables(results: Mapping[str, Sequence[Line]]) -> str:
    """The whole table, in parts."""
    titles = {remedy.name: title(remedy) for remedy in REMEDIES}
    text: list[str] = []
    for name, lines in results.items():
        for encoder in NAMES:
            own = [line for line in lines if line["encoder"] == encoder]
            text += [f"### {encoder}: {TITLES[name]}", "", *tables_of(own, titles)]
    return "\n".join(["", *text])


def costs(results: Mapping[str, Sequence[Line]]) -> str:
    """What each remedy needs, and what it costs a document and a query."""
    lines = {line["remedy"]: line for line in results["xquad"] if line["encoder"] == MAIN and "cost" in line}
    rows = []
    for remedy in REMEDIES:
        if (line := lines.get(remedy.name)) is None:
            continue
        cost = line["cost"]
        searches = ("", " and a second search", " and two more searches")[cost["searches"] - 1]
        encoding = "new encoding, " if remedy.vectors else ""
        rows.append([
            title(remedy), remedy.needs or "nothing", remedy.languages or "none",
            f"{encoding}{cost['document']:.0f} µs", f"{cost['query']:.0f} µs{searches}", f"{cost['length']:g}",
        ])  # fmt: skip
    rows += [[name, RECORDED_NEEDS, "none", "new encoding", "0 µs", "1"] for name, _, how in RECORDED if how == "none"]
    heads = ("remedy", "fitted on", "languages to know", "a document", "a query", "length of rows")
    return "\n".join(["", *table(heads, "lllrrr", rows), ""])


def reach() -> str:
    """Complete@10 next to its bound, from `studies.remedies.reach`."""
    lines = {(line["encoder"], line["how"], line["dataset"]): line for line in read_result("reach")}
    datasets = (*EVALUATED, "tico19")
    rows = []
    for encoder, how in dict.fromkeys((encoder, how) for encoder, how, _ in lines):
        cells = []
        for dataset in datasets:
            complete, bound = (
                lines[encoder, how, dataset][name]["macro-target"] for name in ("Complete@10", "Reachable@10")
            )
            cells.append(f"{complete:.1f} of {bound:.1f}")
        rows.append([encoder, "centered" if how != "none" else "as it is", *cells])
    heads = ("encoder", "", *(TITLES[dataset] for dataset in datasets))
    return "\n".join(["", *table(heads, "llrrr", rows), ""])


def short(results: Mapping[str, Sequence[Line]]) -> str:
    """The table of README.md: some lines of the main encoder."""
    sides = {
        name: {line["remedy"]: line for line in lines if line["encoder"] == MAIN} for name, lines in results.items()
    }
    rows = []
    for name in SHORT:
        line, other = sides["xquad"][name], sides["belebele"][name]
        own, beside = (one["target"]["Complete@10 multi"][0] for one in (line, other))
        rows.append([
            name, f"{own:.1f}", f"{beside:.1f}", f"{line['target']['nDCG@1 multi'][0]:.3f}",
            "" if name == "nothing" else worst_change(line["mono-same"]).split(" ±")[0],
        ])  # fmt: skip
    heads = ("remedy", "Complete@10", "on Belebele", "nDCG@1", "worst language")
    return "\n".join([*table(heads, "lrrrr", rows), ""])


def blocks() -> dict[str, str]:
    """The generated text of docs/which-remedy.md by the name of its markers."""
    lines = results()
    return {
        "tables": tables(lines),
        "costs": costs(lines),
        "harmless": "\n".join(["", *harmless_table(lines, MAIN)]),
        "strengths": "\n".join(["", *setting_tables(read_result("strengths"), "centering", "turn, feedback")]),
        "words": "\n".join(["", *setting_tables(read_result("words"), "after center, turn, expansion", "feedback")]),
        "own-first": "\n".join(["", *own_first_table(read_result("own-first"))]),
        "veto": "\n".join(["", *veto_table(read_result("veto"))]),
        "advice": "\n".join(["", *advice_table(read_result("advice"))]),
        "reach": reach(),
    }


def main() -> None:
    parser(__doc__).parse_args()
    for name, text in blocks().items():
        put(DOCS / "which-remedy.md", name, text)
    put(ROOT / "README.md", "remedies", short(results()))


if __name__ == "__main__":
    main()
