"""The tables of docs/how-to/large-collections.md, drawn from studies/results/scale.json.

Written into the page by `python studies/scale_tables.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pages import put

from clinometer.scanning.planning import Rates, Workload, predict

STUDIES = Path(__file__).resolve().parent
RESULTS = STUDIES / "results" / "scale.json"
PAGE = STUDIES.parent / "docs" / "how-to" / "large-collections.md"


def size(count: float) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def ranks(run: dict[str, Any]) -> str:
    found = run["ranks"]
    deep = sum(line["holds"] for line in found["deep"])
    text = f"{found['planted_right']:,} of {found['planted']:,}"
    return text + (f"; deep ranks {deep} of {len(found['deep'])}" if found["deep"] else "")


def scans(kept: dict[str, Any]) -> list[str]:
    names = {"local": "one process, 2 threads", "ray": "Ray, 2 workers, one killed"}
    text = ["| scan | planted ranks found | memory | with mapped pages | passes | whole command | load |"]
    text.append("|---|---|--:|--:|--:|--:|--:|")
    for name, title in names.items():
        if name not in kept:
            continue
        run = kept[name]
        parts = [run["memory"][kind] for kind in ("driver", "worker") if kind in run["memory"]]
        anonymous = " + ".join(size(part["anonymous"]) for part in parts)
        resident = " + ".join(size(part["most_resident"]) for part in parts)
        cells = [title, ranks(run), anonymous, resident, f"{run['scan_seconds']:.0f} s", f"{run['seconds']:.0f} s"]
        text.append("| " + " | ".join([*cells, f"{run['load']:.0f}"]) + " |")
    return text


def plans(kept: dict[str, Any]) -> list[str]:
    heads = ("documents", "shards", "planned", "processor time a thread", "by the clock", "planned memory", "memory")
    text = [
        "| " + " | ".join([*heads, "planned size", "size", "load"]) + " |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for line in kept["plan"]:
        memory = line["memory"]["driver"]["anonymous"]
        # The arithmetic as it is now, on the rates that were measured then.
        work = Workload(
            documents=line["documents"], queries=kept["queries"], dimension=kept["dimension"], languages=4, relevant=2,
            threads=2, shards=line["shards"],
        )  # fmt: skip
        said = predict(work, Rates(**line["measured"]))
        cells = [
            f"{line['documents']:,}",
            str(line["shards"]),
            f"{said.seconds:.1f} s",
            f"{line['scan_processor_seconds'] / 2:.1f} s",
            f"{line['scan_seconds']:.1f} s",
            size(max(said.worker_bytes, said.driver_bytes)),
            size(memory),
            size(said.store_bytes),
            size(line["store_bytes"]),
            f"{line['load']:.0f}",
        ]
        text.append("| " + " | ".join(cells) + " |")
    return text


def tables() -> str:
    kept = json.loads(RESULTS.read_text())
    cores = f"{kept['machine']['cores']} cores of {kept['machine']['processor']}"
    text = [
        f"{kept['documents']:,} random documents (float16, {kept['dimension']} dimensions, 4 languages), "
        f"{kept['queries']:,} queries with a planted answer of known rank and a random second one, memory budget "
        f"{kept['budget']}, on {cores} that others used as well: load is how many processes wanted a core. Before each "
        "run the system had to forget the files. Memory: the greatest anonymous memory of the process, of the driver + "
        "of the largest worker. Deep ranks were counted once more with NumPy, up to ties by rounding. Made by "
        "`python studies/scale.py --work DIR` and `python studies/scale_tables.py`.",
        "",
        *scans(kept),
        "",
    ]
    if "ray" in kept:
        same = "the same" if kept["ray"]["same_ranks_as_local"] else "NOT the same"
        text += [f"All ranks of both are {same}; {kept['ray']['workers_killed']} worker was killed.", ""]
    if "ratio" in kept:
        found = kept["ratio"]
        text += [
            f"Mapped from the disk against held in memory, {found['documents']:,} documents, in turn, "
            f"{found['repeats']} times: {found['wall_ratio']:.2f} of the throughput by the clock, which others "
            f"disturb, {found['processor_ratio']:.2f} by processor time (medians of ratios), load {found['load']:.0f}.",
            "",
        ]
    if "plan" in kept:
        text += [
            "What `clinometer plan` says before a scan, and what the scan takes (2 threads):",
            "",
            *plans(kept),
            "",
        ]
    return "\n".join(text)


def main() -> None:
    text = tables()
    put(PAGE, "tables", text)
    print(text)


if __name__ == "__main__":
    main()
