"""The tables of docs/which-remedy.md and the short one of README.md, drawn from studies/results.

python -m studies.remedies.page
"""

from __future__ import annotations

from typing import Any

from studies.command_line import parser
from studies.pages import put, table, worst_language
from studies.result_files import RESULTS, read_result
from studies.sources import DOCS, ENCODERS, ROOT

HEADS = ("remedy", "Complete@10", "Belebele", "nDCG@1", "worst", "intrusion", "LPR")
SHORT = (
    "nothing", "center, 60 texts a language", "center, feedback", "center, turn", "center, turn, feedback",
    "adapter, 2,800 samples", "trained: literal loss (joint)",
    "trained: upright (joint)", "trained: upright (joint), then center",
)  # fmt: skip
ROWS = (
    ("nothing", "none", "none"),
    ("center, 60 texts a language", "center · unlabelled sample, 60 texts", "center · unlabelled sample, 60 texts"),
    ("center, the same, query languages unknown", "center · unlabelled sample, 60 texts, query languages unknown", ""),
    ("center, 240 texts", "center · unlabelled sample, 240 texts", ""),
    ("center, texts of another kind", "center · train", ""),
    ("LIR, 1 component, 60 texts", "LIR, 1 component · unlabelled sample, 60 texts",
     "LIR, 1 component · unlabelled sample, 60 texts"),
    ("SHIFT, translations of another kind", "SHIFT, both sides · train", ""),
    ("SHIFT as its authors run it, the same texts", "SHIFT as its authors run it · train", ""),
    ("calibration, 60 texts", "calibration · unlabelled sample, 60 texts", "calibration · unlabelled sample, 60 texts"),
    ("adapter, 2,800 samples", "adapter · 2,800 translated samples of train",
     "adapter · 2,800 translated samples of train"),
)  # fmt: skip
TRAINED = (
    ("literal loss (zh)", "zh-literal-42"),
    ("literal loss (joint)", "joint-literal-42"),
    ("upright (zh)", "zh-upright-42"),
    ("upright (joint)", "joint-upright-42"),
)
STACKS = ("center, feedback", "center, turn", "center, turn, feedback")
UNDER_STACKS = "center, 240 texts"
HOWS = (("", "none"), (", then center", "index+queries"))


def values_of(line: dict[str, Any]) -> dict[str, float]:
    return {f"{item['measure']} {item['scenario']} {item['queries']}": item["value"] for item in line["means"]}


def corrections(result: dict[str, Any]) -> list[list[str]]:
    lines = {(line["pool"], line["name"]): line for line in result["lines"] if line["table"] in ("methods", "belebele")}
    first = lines["xquad", "none"]
    rows = []
    for title, name, name_on_belebele in ROWS:
        line = lines.get(("xquad", name))
        if line is None:
            continue
        values = values_of(line)
        blind = lines.get(("belebele", name_on_belebele))
        changes = {
            label: own["nDCG@1 mono-same"] - first["languages"][label]["nDCG@1 mono-same"]
            for label, own in line["languages"].items()
        }
        worst = min(changes.items(), key=lambda pair: pair[1])
        lpr = values.get("LPR multi macro-target")
        rows.append([
            title,
            f"{values['Complete@10 multi macro-target']:.1f}",
            "" if blind is None else f"{values_of(blind)['Complete@10 multi macro-target']:.1f}",
            f"{values['nDCG@1 multi macro-target']:.3f}",
            worst_language(None if line is first else worst),
            f"{100 * values['Intrusion one-sided macro-target']:.1f} %",
            "" if lpr is None else f"{lpr:.1f}",
        ])  # fmt: skip
    return rows


def stacks(result: dict[str, Any], center: list[str]) -> list[list[str]]:
    """Turn and feedback on top of the centering, whose row is given.

    Neither changes a first place in a pool of one language, so the worst language is the centering's.
    """
    by_pool = {pool: {line["remedy"]: line for line in result[pool]} for pool in ("xquad", "belebele")}

    def value(pool: str, remedy: str, name: str) -> float:
        number: float = by_pool[pool][remedy][name]["value"]
        return number

    return [
        [
            remedy,
            f"{value('xquad', remedy, 'Complete@10 multi macro-target'):.1f}",
            f"{value('belebele', remedy, 'Complete@10 multi macro-target'):.1f}",
            f"{value('xquad', remedy, 'nDCG@1 multi macro-target'):.3f}",
            center[HEADS.index("worst")],
            f"{100 * value('xquad', remedy, 'Intrusion one-sided macro-target'):.1f} %",
            "",
        ]
        for remedy in STACKS
    ]


def trainings(lines: list[dict[str, Any]]) -> list[list[str]]:
    by_run = {(line["run"], line["how"], line["dataset"]): line for line in lines}
    rows = []
    for title, run in TRAINED:
        for more, how in HOWS:
            line, blind = (by_run.get((run, how, dataset)) for dataset in ("xquad", "belebele"))
            if line is None:
                continue
            means = line["means"]
            rows.append([
                f"trained: {title}{more}",
                f"{means['Complete@10'][0]:.1f}",
                "" if blind is None else f"{blind['means']['Complete@10'][0]:.1f}",
                f"{means['nDCG@1'][0]:.3f}",
                worst_language(line["worst"]),
                f"{100 * means['intrusion'][0]:.1f} %",
                f"{means['LPR'][0]:.1f}" if means.get("LPR") else "",
            ])  # fmt: skip
    return rows


def remedies() -> dict[str, list[list[str]]]:
    """The rows of the table of each encoder that has been measured."""
    tables = {}
    for name in reversed(ENCODERS):
        if not (RESULTS / f"correction-{name}.json").exists():
            continue
        rows = corrections(read_result(f"correction-{name}"))
        place = [row[0] for row in rows].index(UNDER_STACKS) + 1
        if (RESULTS / f"turn-{name}.json").exists():
            rows[place:place] = stacks(read_result(f"turn-{name}"), rows[place - 1])
        tables[name] = rows
        if name != "offline" and (RESULTS / "reproduction.json").exists():
            tables[name] += trainings(read_result("reproduction")["lines"])
    return tables


def page(tables: dict[str, list[list[str]]]) -> str:
    text = [
        "Means over target languages, questions in the target language. Complete@10 in `multi` on XQuAD and on "
        "Belebele; on XQuAD also nDCG@1 in `multi`, the language that loses most nDCG@1 in `mono-same` (points), "
        "intrusion in `one-sided`, and LPR in `multi`. Drawn from studies/results by "
        "`python -m studies.remedies.page`; intervals and tests are in [correction.md](correction.md) and "
        "[reproduction.md](reproduction.md).",
        "",
    ]
    for name, rows in tables.items():
        text += [f"### {name}", "", *table(HEADS, "lrrrrrr", rows), ""]
    return "\n".join([*text, *reach()])


def reach() -> list[str]:
    """Complete@10 next to its bound, from `studies.remedies.reach`."""
    lines = {(line["encoder"], line["how"], line["dataset"]): line for line in read_result("reach")}
    rows = []
    for encoder, how in dict.fromkeys((encoder, how) for encoder, how, _ in lines):
        cells = []
        for dataset in ("xquad", "belebele", "tico19"):
            complete, bound = (
                lines[encoder, how, dataset][name]["macro-target"] for name in ("Complete@10", "Reachable@10")
            )
            cells.append(f"{complete:.1f} of {bound:.1f}")
        rows.append([encoder, "centered" if how != "none" else "as it is", *cells])
    return [
        "### How far straightening can go",
        "",
        "Complete@10 of Reachable@10, means over target languages, by `python -m studies.remedies.reach --work DIR`. "
        "No shift of the languages against each other brings the first above the second.",
        "",
        *table(("encoder", "", "XQuAD", "Belebele", "TICO-19"), "llrrr", rows),
        "",
    ]


def short(rows: list[list[str]]) -> str:
    """Some rows without the last columns."""
    by_title = {row[0]: row[:5] for row in rows}
    heads = ("remedy", "Complete@10", "on Belebele", "nDCG@1", "worst language")
    return "\n".join([*table(heads, "lrrrr", [by_title[title] for title in SHORT]), ""])


def main() -> None:
    parser(__doc__).parse_args()
    tables = remedies()
    text = page(tables)
    put(DOCS / "which-remedy.md", "tables", text)
    put(ROOT / "README.md", "remedies", short(tables["multilingual-e5-small"]))
    print(text)


if __name__ == "__main__":
    main()
