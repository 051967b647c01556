"""The tables of docs/which-remedy.md and the short one of README.md: `python studies/remedy_tables.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pages import put

STUDIES = Path(__file__).resolve().parent
PAGE = STUDIES.parent / "docs" / "which-remedy.md"
README = STUDIES.parent / "README.md"
SHORT = (
    "nothing", "center, 60 texts a language", "adapter, 2,800 samples", "trained: literal loss (joint)",
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
HOWS = (("", "none"), (", then center", "index+queries"))


def values_of(line: dict[str, Any]) -> dict[str, float]:
    return {f"{item['measure']} {item['scenario']} {item['queries']}": item["value"] for item in line["means"]}


def corrected(result: dict[str, Any]) -> list[str]:
    lines = {(line["pool"], line["name"]): line for line in result["lines"] if line["table"] in ("methods", "belebele")}
    first = lines["xquad", "none"]
    text = []
    for title, name, other in ROWS:
        line = lines.get(("xquad", name))
        if line is None:
            continue
        found = values_of(line)
        blind = lines.get(("belebele", other))
        changes = {
            label: values["nDCG@1 mono-same"] - first["languages"][label]["nDCG@1 mono-same"]
            for label, values in line["languages"].items()
        }
        worst = min(changes.items(), key=lambda pair: pair[1])
        cells = [
            f"{found['Complete@10 multi macro-target']:.1f}",
            "" if blind is None else f"{values_of(blind)['Complete@10 multi macro-target']:.1f}",
            f"{found['nDCG@1 multi macro-target']:.3f}",
            "" if line is first else f"{worst[0]} {100 * worst[1]:+.1f}".replace("-", "−"),
            f"{100 * found['Intrusion one-sided macro-target']:.1f} %",
            f"{found['LPR multi macro-target']:.1f}" if found.get("LPR multi macro-target") is not None else "",
        ]
        text.append(f"| {title} | {' | '.join(cells)} |")
    return text


def trained(lines: list[dict[str, Any]]) -> list[str]:
    there = {(line["run"], line["how"], line["dataset"]): line for line in lines}
    text = []
    for title, run in TRAINED:
        for more, how in HOWS:
            line, blind = (there.get((run, how, dataset)) for dataset in ("xquad", "belebele"))
            if line is None:
                continue
            means = line["means"]
            cells = [
                f"{means['Complete@10'][0]:.1f}",
                "" if blind is None else f"{blind['means']['Complete@10'][0]:.1f}",
                f"{means['nDCG@1'][0]:.3f}",
                f"{line['worst'][0]} {100 * line['worst'][1]:+.1f}".replace("-", "−"),
                f"{100 * means['intrusion'][0]:.1f} %",
                f"{means['LPR'][0]:.1f}" if means.get("LPR") else "",
            ]
            text.append(f"| trained: {title}{more} | {' | '.join(cells)} |")
    return text


def tables() -> str:
    text = [
        "Means over target languages, questions in the target language. Complete@10 in `multi` on XQuAD and on "
        "Belebele; on XQuAD also nDCG@1 in `multi`, the language that loses most nDCG@1 in `mono-same` (points), "
        "intrusion in `one-sided`, and LPR in `multi`. Drawn from studies/results by "
        "`python studies/remedy_tables.py`; intervals and tests are in [correction.md](correction.md) and "
        "[reproduction.md](reproduction.md).",
        "",
    ]
    for name in ("multilingual-e5-small", "offline"):
        path = STUDIES / "results" / f"correction-{name}.json"
        if not path.exists():
            continue
        text += [f"### {name}", "", "| remedy | Complete@10 | Belebele | nDCG@1 | worst | intrusion | LPR |"]
        text += ["|---|--:|--:|--:|--:|--:|--:|", *corrected(json.loads(path.read_text()))]
        reproduction = STUDIES / "results" / "reproduction.json"
        if name != "offline" and reproduction.exists():
            text += trained(json.loads(reproduction.read_text())["lines"])
        text.append("")
    return "\n".join([*text, *reach()])


def reach() -> list[str]:
    """Complete@10 beside its bound, from studies/reach.py."""
    lines = json.loads((STUDIES / "results" / "reach.json").read_text())
    there = {(line["encoder"], line["how"], line["dataset"]): line for line in lines}
    text = [
        "### How far straightening can go",
        "",
        "Complete@10 of Reachable@10, means over target languages, by `python studies/reach.py --work DIR`. No shift "
        "of the languages against each other brings the first above the second.",
        "",
        "| encoder | | XQuAD | Belebele | TICO-19 |",
        "|---|---|--:|--:|--:|",
    ]
    for encoder, how in dict.fromkeys((line["encoder"], line["how"]) for line in lines):
        cells = []
        for dataset in ("xquad", "belebele", "tico19"):
            complete, bound = (
                there[encoder, how, dataset][name]["macro-target"] for name in ("Complete@10", "Reachable@10")
            )
            cells.append(f"{complete:.1f} of {bound:.1f}")
        text.append(f"| {encoder} | {'centered' if how != 'none' else 'as it is'} | {' | '.join(cells)} |")
    return [*text, ""]


def short() -> str:
    """Some rows of multilingual-e5-small without the last columns."""
    lines = tables().split("### offline")[0].splitlines()
    rows = {line.split("|")[1].strip(): line.split("|")[2:6] for line in lines if line.startswith("|")}
    text = ["| remedy | Complete@10 | on Belebele | nDCG@1 | worst language |", "|---|--:|--:|--:|--:|"]
    text += [f"| {name} |{'|'.join(rows[name])}|" for name in SHORT]
    return "\n".join([*text, ""])


def main() -> None:
    put(PAGE, "tables", tables())
    put(README, "remedies", short())
    print(tables())


if __name__ == "__main__":
    main()
