"""One row among those of results, and what there is instead of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clinometer.errors import UsageError, shown
from clinometer.suggestions import one_of

__all__ = ["single_row"]


def single_row(
    rows: Sequence[dict[str, Any]], measure: str, scenario: str, query_language: str, pool: Sequence[str] | None = None
) -> dict[str, Any]:
    """The row of a setting; `pool` is needed if queries of one language meet several pools.

    Raises:
        UsageError: No row matches, or several do; the message has the choices of what does not match, or is needed.
    """
    left = list(rows)
    place = ""
    for name, chosen in (("scenario", scenario), ("measure", measure), ("query_language", query_language)):
        choices = list(dict.fromkeys(str(row[name]) for row in left))
        left = [row for row in left if row[name] == chosen]
        if not left:
            noun = name.replace("_", " ")
            raise UsageError(f"the results have no {noun} {shown(chosen)}{place}; expected {one_of(chosen, choices)}")
        place = f" in {scenario}" if name == "scenario" else f" for {measure} in {scenario}"
    matching = left if pool is None else [row for row in left if row["pool_languages"] == list(pool)]
    if len(matching) == 1:
        return matching[0]
    pools = list(dict.fromkeys("+".join(row["pool_languages"]) for row in left))
    if pool is None:
        raise UsageError(
            f"queries in {query_language} have {len(left)} rows{place}; give pool_languages, one of {', '.join(pools)}"
        )
    wrong = "+".join(map(str, pool))
    raise UsageError(f"the results have no pool {shown(wrong)}{place}; expected {one_of(wrong, pools)}")
