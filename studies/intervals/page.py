"""The tables of docs/statistics.md, drawn from studies/results/intervals.json.

python -m studies.intervals.page
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clinometer.statistics.intervals import FEW
from studies.command_line import parser
from studies.pages import put, table
from studies.result_files import read_result
from studies.sources import DOCS

_LOW, _HIGH = 0.93, 0.97
_CANDIDATES = (
    ("percentile", "percentile"),
    ("BCa", "bca"),
    ("Student's t", "t"),
    ("studentized", "studentized"),
    ("ours", "after"),
)


def write_page() -> None:
    """Write the tables between the markers of the page."""
    result = read_result("intervals")
    for name, lines in (
        ("coverage", coverage(result)),
        ("shares", shares(result)),
        ("candidates", candidates(result)),
        ("few", few(result)),
    ):
        put(DOCS / "statistics.md", name, "\n" + "\n".join([*lines, ""]))


def _shown(coverage: float) -> str:
    """Three digits; bold where it is too low."""
    text = f"{coverage:.3f}"
    return f"**{text}**" if float(text) < _LOW else text


def coverage(result: Mapping[str, Any]) -> list[str]:
    """Before and after at every number of clusters."""
    sizes = sorted({line["clusters"] for line in result["simulated"]})
    error = (0.95 * 0.05 / result["samples"]) ** 0.5
    lines = [f"{result['samples']:,} samples for each number, whose standard error is {error:.3f} where it is .95.", ""]
    for family in dict.fromkeys(line["family"] for line in result["simulated"]):
        rows = []
        of_family = [line for line in result["simulated"] if line["family"] == family]
        for name in dict.fromkeys(line["name"] for line in of_family):
            at = {line["clusters"]: line["coverage"] for line in of_family if line["name"] == name}
            cells = [_shown(at[size][method]) for method in ("before", "after") for size in sizes]
            rows.append([name, *cells])
        heads = [
            family,
            *(f"before, {sizes[0]}", *map(_number, sizes[1:]), f"after, {sizes[0]}", *map(_number, sizes[1:])),
        ]
        lines += [*table(heads, "l" + "r" * (2 * len(sizes)), rows), ""]
    return lines[:-1]


def shares(result: Mapping[str, Any]) -> list[str]:
    """Exact coverage of shares, at the share and averaged over shares nearby."""
    rows = []
    for line in result["shares"]:
        parts = (line["coverage"], line["averaged"])
        cells = [_shown(part[method]) for method in ("before", "after") for part in parts]
        rows.append([f"{line['share']:.0%}".replace("%", " %"), _number(line["size"]), *cells])
    rows.sort(key=lambda row: float(row[0].split()[0]))
    return table(["share", "n", "before", "averaged", "after", "averaged"], "lrrrrr", rows)


def candidates(result: Mapping[str, Any]) -> list[str]:
    """For each method the lowest and the median coverage, and the number of cases within the goal."""
    rows = []
    for name, method in _CANDIDATES:
        values = [line["coverage"][method] for line in result["simulated"]]
        small = [line["coverage"][method] for line in result["simulated"] if line["clusters"] == 20]
        within = sum(_LOW <= round(value, 3) <= _HIGH for value in values)
        below = sum(round(value, 3) < _LOW for value in values)
        rows.append([name, *_numbers(small), *_numbers(values), str(within), str(below), str(len(values))])
    heads = [
        "over clusters",
        "n = 20: lowest",
        "median",
        "all: lowest",
        "median",
        "within .93 to .97",
        "below",
        "cases",
    ]
    return table(heads, "l" + "r" * 7, rows)


def few(result: Mapping[str, Any]) -> list[str]:
    """Coverage by number of clusters: the lowest and the median over all populations."""
    rows = []
    for size in sorted({line["clusters"] for line in result["few"]}):
        values = [line["coverage"]["after"] for line in result["few"] if line["clusters"] == size]
        below = sum(round(value, 3) < _LOW for value in values)
        rows.append(
            [f"{size}{' (called rough)' if size < FEW else ''}", *_numbers(values), str(below), str(len(values))]
        )
    return table(["clusters", "lowest", "median", "below .93", "cases"], "lrrrr", rows)


def _numbers(values: Sequence[float]) -> list[str]:
    ordered = sorted(values)
    return [f"{ordered[0]:.3f}", f"{ordered[len(ordered) // 2]:.3f}"]


_number: Callable[[int], str] = "{:,}".format

if __name__ == "__main__":
    parser(__doc__).parse_args()
    write_page()
