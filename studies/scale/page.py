"""The tables of docs/how-to/large-collections.md, drawn from studies/results/scale.json.

python -m studies.scale.page
"""

from __future__ import annotations

from typing import Any

from clinometer.scanning.planning import Rates, Workload, predict
from studies.command_line import parser
from studies.pages import put, table
from studies.result_files import read_result
from studies.sources import DOCS


def size(count: float) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def ranks(run: dict[str, Any]) -> str:
    planted, deep = run["ranks"], run["ranks"]["deep"]
    text = f"{planted['planted_right']:,} of {planted['planted']:,}"
    return text + (f"; deep ranks {sum(line['holds'] for line in deep)} of {len(deep)}" if deep else "")


def scans(results: dict[str, Any]) -> list[str]:
    names = {"local": "one process, 2 threads", "ray": "Ray, 2 workers, one killed"}
    rows = []
    for name, title in names.items():
        if name not in results:
            continue
        run = results[name]
        parts = [run["memory"][kind] for kind in ("driver", "worker") if kind in run["memory"]]
        memory = [" + ".join(size(part[kind]) for part in parts) for kind in ("anonymous", "most_resident")]
        seconds = [f"{run[kind]:.0f} s" for kind in ("scan_seconds", "seconds")]
        rows.append([title, ranks(run), *memory, *seconds, f"{run['load']:.0f}"])
    heads = ("scan", "planted ranks found", "memory", "with mapped pages", "passes", "whole command", "load")
    return table(heads, "llrrrrr", rows)


def plans(results: dict[str, Any]) -> list[str]:
    heads = (
        "documents", "shards", "planned", "processor time a thread", "by the clock", "planned memory", "memory",
        "planned size", "size", "load",
    )  # fmt: skip
    rows = []
    for line in results["plan"]:
        # The arithmetic as it is now, on the rates that were measured then.
        work = Workload(
            documents=line["documents"], queries=results["queries"], dimension=results["dimension"], languages=4,
            relevant=2, threads=2, shards=line["shards"],
        )  # fmt: skip
        forecast = predict(work, Rates(**line["measured"]))
        rows.append([
            f"{line['documents']:,}",
            str(line["shards"]),
            f"{forecast.seconds:.1f} s",
            f"{line['scan_processor_seconds'] / 2:.1f} s",
            f"{line['scan_seconds']:.1f} s",
            size(max(forecast.worker_bytes, forecast.driver_bytes)),
            size(line["memory"]["driver"]["anonymous"]),
            size(forecast.store_bytes),
            size(line["store_bytes"]),
            f"{line['load']:.0f}",
        ])  # fmt: skip
    return table(heads, "r" * len(heads), rows)


def tables() -> str:
    results = read_result("scale")
    cores = f"{results['machine']['cores']} cores of {results['machine']['processor']}"
    text = [
        f"{results['documents']:,} random documents (float16, {results['dimension']} dimensions, 4 languages), "
        f"{results['queries']:,} queries with a planted answer of known rank and a random second one, memory budget "
        f"{results['budget']}, on {cores} shared with other processes: load is the number of processes that used or "
        "waited for a core. Before each run the files were dropped from the system's cache. Memory: the peak of "
        "anonymous memory of the process, or of the driver + of the largest worker. Deep ranks were counted once more "
        "with NumPy, up to ties by rounding. Made by `python -m studies.scale.measure --work DIR` and "
        "`python -m studies.scale.page`.",
        "",
        *scans(results),
        "",
    ]
    if "ray" in results:
        same = "the same" if results["ray"]["same_ranks_as_local"] else "NOT the same"
        text += [f"All ranks of both are {same}; {results['ray']['workers_killed']} worker was killed.", ""]
    if "ratio" in results:
        ratio = results["ratio"]
        text += [
            f"Mapped from disk against held in memory, {ratio['documents']:,} documents, in turn, "
            f"{ratio['repeats']} times: {ratio['wall_ratio']:.2f} of the throughput by the clock, which other "
            f"processes disturb, {ratio['processor_ratio']:.2f} by processor time (medians of ratios), load "
            f"{ratio['load']:.0f}.",
            "",
        ]
    if "plan" in results:
        text += [
            "Forecast by `clinometer plan` and measurement of the scan (2 threads):",
            "",
            *plans(results),
            "",
        ]
    return "\n".join(text)


def main() -> None:
    parser(__doc__).parse_args()
    text = tables()
    put(DOCS / "how-to" / "large-collections.md", "tables", text)
    print(text)


if __name__ == "__main__":
    main()
