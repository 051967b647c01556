"""Where a result comes from, as facts: encoder, prompts, data, machine, versions, time, and the commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clinometer.report.base import wording
from clinometer.report.leaderboard.boards import Contribution

__all__ = ["facts_of"]

_ENCODER = ("kind", "max_length", "dtype", "normalized", "similarity", "settings")


def facts_of(run: Contribution) -> list[tuple[str, str]]:
    """What is known of a result; what is not known is left out."""
    record, collection, settings = (run.content[name] for name in ("encoder", "collection", "settings"))
    cell = run.cell or {}
    facts: list[tuple[str, Any]] = [
        ("study", " by ".join(filter(None, (run.study, run.by)))),
        ("model", run.base_name),
        ("revision", run.base_revision),
        ("query prompt", _quoted(record.get("query_prompt"))),
        ("document prompt", _quoted(record.get("document_prompt"))),
        *((name.replace("_", " "), record.get(name)) for name in _ENCODER),
        ("remedies", "; then ".join(map(_remedy, run.remedies))),
        ("seed of the sample", None if cell.get("seed") is None else str(cell["seed"])),
        ("collection", collection.get("name")),
        ("languages", collection.get("languages")),
        ("documents", _total(collection.get("documents"))),
        ("queries", _total(collection.get("queries"))),
        ("checksum of the data", collection.get("digest")),
        ("pool", settings.get("pool")),
        ("checksum of the results", cell.get("results_sha256")),
        ("versions", cell.get("versions") or {"clinometer": settings.get("version")}),
        ("machine", {name: value for name, value in (cell.get("machine") or {}).items() if value}),
        ("finished", cell.get("finished")),
        ("cost of encoding", _cost(cell.get("cost"))),
    ]
    facts += [(f"note on the {name}", text) for name, text in sorted((cell.get("notes") or {}).items())]
    facts += [("warning", text) for text in record.get("warnings") or []]
    facts += [("notice", text) for text in run.content.get("notices") or []]
    return [
        (name, text) for name, value in facts if value not in (None, "", [], {}) and (text := wording.listed(value))
    ]


def commands_of(run: Contribution) -> list[str]:
    """Commands that give the result by hand."""
    commands = (run.cell or {}).get("commands")
    return list(commands) if commands else [str(run.content["settings"].get("command") or "")]


def _quoted(prompt: Any) -> str:
    return repr(prompt) if prompt else "none"


def _remedy(entry: Mapping[str, Any]) -> str:
    settings = entry.get("settings") or {}
    facts = [
        f"{name} {value}" for name, value in settings.items() if isinstance(value, (str, int, float)) and value != ""
    ]
    name = f"{entry.get('method', '')} {entry.get('digest', '')}".strip()
    return f"{name} ({'; '.join(facts)})" if facts else name


def _total(counts: Any) -> str:
    return wording.count(sum(counts.values())) if isinstance(counts, Mapping) else ""


def _cost(cost: Any) -> str:
    parts = [
        f"{wording.count(side['texts'])} {name} in {side['seconds']:.1f} s ({side['cpu_seconds']:.1f} s of processors)"
        for name in ("documents", "queries")
        if (side := (cost or {}).get(name))
    ]
    return ", ".join(parts)
