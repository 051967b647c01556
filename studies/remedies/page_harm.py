"""Tables of docs/which-remedy.md about harm: which stack harms no language, single steps, and what `auto` takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from studies.pages import minus, named_change, points, table, worst_change
from studies.sources import TITLES

Line = Mapping[str, Any]
TOLERANCE = 0.005
TARGET = 96.0


def lower(changes: Mapping[str, Mapping[str, float]], *, by_error: bool) -> list[str]:
    """Languages whose nDCG@1 falls by more than half a point, or by more than one standard error, the worst first."""
    labels = [
        label for label, one in changes.items() if one["change"] < -(one["error"] if by_error else TOLERANCE) - 1e-9
    ]
    return sorted(labels, key=lambda label: changes[label]["change"])


def named(labels: Sequence[str], changes: Mapping[str, Mapping[str, float]]) -> str:
    """The languages with their changes and standard errors, in points."""
    return ", ".join(named_change(label, changes[label]) for label in labels) or "none"


def harmless_table(results: Mapping[str, Sequence[Line]], encoder: str) -> list[str]:
    """Complete@10 of every remedy on each collection, and the languages that lose."""
    tables: list[str] = []
    for name, lines in results.items():
        rows = []
        for line in lines:
            changes = line.get("mono-same")
            if line["encoder"] != encoder or changes is None or line["remedy"] == "nothing":
                continue
            if any(one["error"] is None for one in changes.values()):
                continue
            tests = [lower(changes, by_error=kind) for kind in (False, True)]
            complete = line["target"]["Complete@10 multi"][0]
            holds = ["yes" if complete >= TARGET and not test else "no" for test in tests]
            rows.append(
                [line["remedy"], f"{complete:.1f}", *(named(test, changes) for test in tests), " / ".join(holds)]
            )
        heads = (
            "remedy",
            "Complete@10",
            "lower by more than 0.5 point",
            "lower by more than 1 SE",
            "holds (0.5 / 1 SE)",
        )
        tables += [f"{TITLES[name]}:", "", *table(heads, "lrlll", rows), ""]
    return tables


def complete(line: Line) -> str:
    """Complete@10, with its interval where there is one."""
    text = f"{line['Complete@10']:.1f}"
    return f"{text} [{', '.join(f'{end:.1f}' for end in line['interval'])}]" if "interval" in line else text


def setting_tables(lines: Sequence[Line], what: str, stack: str) -> list[str]:
    """Settings of a step, whose column is `what`, alone and under a stack."""
    text: list[str] = []
    for name in dict.fromkeys(line["collection"] for line in lines):
        rows = []
        for line in lines:
            if line["collection"] != name:
                continue
            changes = line["mono-same"]
            rows.append([
                line["encoder"], line["setting"], complete(line),
                "" if line["stack"] is None else f"{line['stack']:.1f}", f"{line['one-sided']:.3f}",
                minus(f"{100 * fmean(one['change'] for one in changes.values()):+.1f}"), worst_change(changes),
            ])  # fmt: skip
        heads = ("encoder", what, "Complete@10", stack, "one-sided", "mono-same", "worst language")
        text += [f"{TITLES[name]}:", "", *table(heads, "llrrrrr", rows), ""]
    return text


def veto_table(lines: Sequence[Line]) -> list[str]:
    """How often a remedy passes both halves, by what it does to plain retrieval."""
    rows = [
        [
            f"{line['judged']:,}", minus(f"{100 * line['change']:+.0f}"), f"{100 * line['by_point']:.0f} %",
            f"{100 * line['hardly_chance']:.0f} %", "" if line["stated"] is None else f"{100 * line['stated']:.1f}",
        ]
        for line in lines
    ]  # fmt: skip
    heads = ("judged questions", "true change", "taken, by the fall alone", "taken", "stated fall")
    return [*table(heads, "rrrrr", rows), ""]


def own_first_table(lines: Sequence[Line]) -> list[str]:
    """What keeping a part of the order within the query's language costs."""
    rows = [
        [
            line["encoder"], line["stack"], line["kept"], f"{line['Complete@10']:.1f}", f"{line['one-sided']:.3f}",
            f"{100 * line['Intrusion']:.1f}", minus(f"{100 * line['mono-same']:+.1f}"),
        ]
        for line in lines
    ]  # fmt: skip
    heads = ("encoder", "stack", "kept", "Complete@10", "one-sided nDCG@1", "intrusion, %", "mono-same")
    return [*table(heads, "lllrrrr", rows), ""]


def advice_table(lines: Sequence[Line]) -> list[str]:
    """What the advice takes by the number of judged queries, and means of what that does."""
    draws: dict[tuple[str, str, int], list[Line]] = {}
    for line in lines:
        draws.setdefault((line["encoder"], line["source"], line["judged"]), []).append(line)
    rows = []
    for (encoder, source, judged), some in draws.items():
        taken = Counter(line["remedy"] for line in some)
        worst = min((line["effect"]["worst"] for line in some), key=lambda one: one[1])
        rows.append([
            encoder, TITLES[source], str(judged) if judged else "none, or 20",
            ", ".join(f"{remedy} ({count} of {len(some)})" for remedy, count in taken.most_common()),
            left_out(some),
            points(fmean(line["effect"]["Complete@10"] for line in some)),
            points(fmean(line["effect"]["nDCG@1"] for line in some)),
            minus(f"{worst[0]} {worst[1]:+.1f} ± {worst[2]:.1f}"),
        ])  # fmt: skip
    heads = (
        "encoder", "collection", "judged queries", "taken", "left out", "Complete@10", "nDCG@1", "worst of all draws",
    )  # fmt: skip
    return [*table(heads, "lllllrrr", rows), ""]


def left_out(lines: Sequence[Line]) -> str:
    """The remedies that were not taken, each with the kind of reason, and in how many draws."""
    reasons: Counter[str] = Counter()
    for line in lines:
        for remedy, verdict in line["verdicts"].items():
            if verdict.startswith("left out"):
                reasons[f"{remedy}: {kind_of(verdict)}"] += 1
        reasons.update(reason.split(" was given up")[0] + ": harm at the end" for reason in line["reasons"] if
                       " was given up" in reason)  # fmt: skip
    return "; ".join(f"{reason} ({count})" for reason, count in sorted(reasons.items()))


def kind_of(verdict: str) -> str:
    if "no gain beyond chance" in verdict:
        return "no gain"
    return "harm" if "changes by" in verdict else "too few translations"
