"""Results of many encoders as boards: one for each collection and way of measuring, one entry for each remedy.

The same results in any order give the same boards: whatever is named, counted or sorted here follows from contents.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean
from typing import Any, NamedTuple

from clinometer.analysis.form import AS_IT_IS
from clinometer.report.evaluation.view import Reading, Side, read_results

__all__ = ["Board", "Contribution", "Entry", "Value", "boards"]

_BASE = ("kind", "query_prompt", "document_prompt", "max_length", "dtype", "similarity", "settings")
_MEASURED = {"pivot": "en", "ties": None, "exclude_own_id": False, "query_set": "answered"}
_COUNTED = ("languages", "documents", "queries", "judgements")


class Value(NamedTuple):
    """A value with its interval, over the runs of an entry; None where it is not defined."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Contribution:
    """One result and its origin, as plain values.

    Args:
        content: Content of its `results.json`.
        cell: Content of its `cell.json`; None if there is none.
        study: Name of its study; empty if it is of none.
        by: Who contributed it; may be empty.

    Raises:
        UsageError: The content is not that of a result.
    """

    content: Mapping[str, Any]
    cell: Mapping[str, Any] | None = None
    study: str = ""
    by: str = ""
    reading: Reading = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reading", read_results([self.content])[0])

    @cached_property
    def board(self) -> str:
        """Equal for results that can be compared: the same collection, measured the same way."""
        collection, settings = self.content["collection"], self.content["settings"]
        counts = {name: collection.get(name) for name in _COUNTED}
        measured = {name: settings.get(name, default) for name, default in _MEASURED.items()}
        return _canonical([collection.get("digest") or [collection.get("name"), counts], measured])

    @cached_property
    def remedies(self) -> list[Mapping[str, Any]]:
        """Remedies after the encoder, in their order."""
        return list(self.content["encoder"].get("remedies") or [])

    @cached_property
    def base_name(self) -> str:
        """Name of the encoder without its remedies."""
        name = str(self.content["encoder"].get("name") or "encoder")
        for remedy in reversed(self.remedies):
            name = name.removesuffix(f" + {remedy.get('method')}")
        return name

    @cached_property
    def base_revision(self) -> str:
        """Revision of the encoder without its remedies."""
        revision = str(self.content["encoder"].get("revision") or "")
        for remedy in reversed(self.remedies):
            for kind in ("correction", str(remedy.get("method"))):
                revision = revision.removesuffix(f"{kind} {remedy.get('digest')}").removesuffix("; ")
        return revision

    @cached_property
    def encoder(self) -> str:
        """Equal for results of the same encoder, whatever its remedies."""
        record = self.content["encoder"]
        facts = {name: record.get(name) or None for name in _BASE}
        return _canonical([self.base_name, self.base_revision, facts])

    @property
    def encoder_label(self) -> str:
        """Short name of the encoder."""
        if self.cell is not None:
            return str(self.cell["encoder"])
        return self.base_name.rstrip("/").rsplit("/", 1)[-1] or self.base_name

    @cached_property
    def remedy(self) -> str:
        """Equal for results of the same remedy, whatever the seed of its sample."""
        if self.remedy_label == AS_IT_IS:
            return _canonical({})
        if self.cell is not None and isinstance(remedy := self.cell["meaning"].get("remedy"), Mapping):
            return _canonical({name: value for name, value in remedy.items() if name != "seed"})
        return _canonical([[remedy.get("method"), remedy.get("digest")] for remedy in self.remedies])

    @property
    def remedy_label(self) -> str:
        """Short name of the remedy."""
        if self.cell is not None and (self.cell["remedy"] != AS_IT_IS or not self.remedies):
            return str(self.cell["remedy"])
        return " + ".join(str(remedy.get("method")) for remedy in self.remedies) or AS_IT_IS

    @cached_property
    def result(self) -> str:
        """Equal for results with the same numbers."""
        seed = None if self.cell is None else self.cell.get("seed")
        return _canonical([seed, self.content["rows"]])

    @cached_property
    def whole(self) -> str:
        """Everything, for an order that no name of a folder enters."""
        return _canonical([self.content, self.cell, self.study, self.by])

    def cost_of(self, side: str) -> tuple[float, float] | None:
        """Milliseconds to encode one document or query, on the clock and of processors; None if not known."""
        cost = None if self.cell is None else (self.cell.get("cost") or {}).get(side)
        if not cost or not cost["texts"]:
            return None
        return 1000 * cost["seconds"] / cost["texts"], 1000 * cost["cpu_seconds"] / cost["texts"]


@dataclass(frozen=True)
class Entry:
    """An encoder with a remedy on one collection: one result, or several of different seeds or machines."""

    encoder: str
    remedy: str
    runs: tuple[Contribution, ...]
    repeated: int

    def value(self, scenario: str, side: Side, measure: str, language: str | None = None) -> Value:
        """Mean over the runs, with the widest of their intervals; over the target languages if no language is given."""
        language = language or self.only_target
        rows = [run.reading.row(scenario, side, language, measure) for run in self.runs]
        known = [row for row in rows if row is not None and row["value"] is not None]
        if not known:
            return Value(None)
        lows, highs = ([row.get(end) for row in known] for end in ("ci_low", "ci_high"))
        low = None if None in lows else min(lows)  # type: ignore[type-var]
        high = None if None in highs else max(highs)  # type: ignore[type-var]
        return Value(fmean(row["value"] for row in known), low, high)

    @property
    def only_target(self) -> str | None:
        """The target language if there is one only, for which results have no means over languages."""
        return self.runs[0].reading.only_target

    def milliseconds(self, side: str) -> tuple[float, float] | None:
        """Milliseconds to encode one document or query, as `Contribution.cost_of`, mean over the runs that know it."""
        known = sorted({cost for run in self.runs if (cost := run.cost_of(side)) is not None})
        return (fmean(wall for wall, _ in known), fmean(cpu for _, cpu in known)) if known else None

    @property
    def dimension(self) -> int | None:
        """Length of the embeddings; None without any."""
        return self.runs[0].content["encoder"].get("dimension") or None

    def change(self, scenario: str, measure: str) -> tuple[float, float] | None:
        """The widest paired interval of the change that the runs recorded; None if one of them recorded none."""
        place = (scenario, measure, self.only_target or "macro-target")
        ends = []
        for run in self.runs:
            changes = (run.cell or {}).get("changes") or []
            rows = [row for row in changes if (row["scenario"], row["measure"], row["query_language"]) == place]
            row: Mapping[str, Any] = rows[0] if rows else {}
            if row.get("ci_low") is None or row.get("ci_high") is None:
                return None
            ends.append((row["ci_low"], row["ci_high"]))
        return min(low for low, _ in ends), max(high for _, high in ends)


@dataclass(frozen=True)
class Board:
    """Entries that can be compared, those of one encoder next to each other, without its remedy first."""

    title: str
    entries: tuple[Entry, ...]

    @property
    def reading(self) -> Reading:
        """A result of the board, for what all of them share."""
        return self.entries[0].runs[0].reading

    def before(self, entry: Entry) -> Entry | None:
        """The entry of the same encoder without a remedy."""
        if entry.remedy == AS_IT_IS:
            return None
        return next(
            (other for other in self.entries if (other.encoder, other.remedy) == (entry.encoder, AS_IT_IS)), None
        )


def boards(contributions: Iterable[Contribution]) -> list[Board]:
    """The boards of some results, by the names of their collections."""
    ordered = sorted(contributions, key=lambda contribution: contribution.whole)
    encoder_names = _names(ordered, "encoder_label", "encoder")
    by_board: dict[str, list[Contribution]] = defaultdict(list)
    for contribution in ordered:
        by_board[contribution.board].append(contribution)
    titles = _titles(by_board)
    result = []
    for key in sorted(by_board, key=lambda key: (titles[key], key)):
        entries = _entries(by_board[key], encoder_names)
        result.append(Board(titles[key], tuple(entries)))
    return result


def _entries(contributions: Sequence[Contribution], encoder_names: Mapping[str, str]) -> list[Entry]:
    by_encoder: dict[str, list[Contribution]] = defaultdict(list)
    for contribution in contributions:
        by_encoder[contribution.encoder].append(contribution)
    entries = []
    for encoder in sorted(by_encoder, key=lambda encoder: encoder_names[encoder]):
        remedy_names = _names(by_encoder[encoder], "remedy_label", "remedy")
        by_remedy: dict[str, list[Contribution]] = defaultdict(list)
        for contribution in by_encoder[encoder]:
            by_remedy[contribution.remedy].append(contribution)
        for remedy in sorted(by_remedy, key=lambda key: (remedy_names[key] != AS_IT_IS, remedy_names[key])):
            runs = {contribution.result: contribution for contribution in by_remedy[remedy]}
            repeated = len(by_remedy[remedy]) - len(runs)
            entries.append(Entry(encoder_names[encoder], remedy_names[remedy], tuple(runs.values()), repeated))
    return entries


def _names(contributions: Sequence[Contribution], label: str, identity: str) -> dict[str, str]:
    """A name for each identity: the label that most results give it, with a digest where different ones share it."""
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for contribution in contributions:
        labels[getattr(contribution, identity)][getattr(contribution, label)] += 1
    label_of = {key: min(counts, key=lambda name: (-counts[name], name)) for key, counts in labels.items()}
    sharing = defaultdict(list)
    for key, name in label_of.items():
        sharing[name].append(key)
    return {key: name if len(sharing[name]) == 1 else f"{name} ({_short(key)})" for key, name in label_of.items()}


def _titles(by_board: Mapping[str, Sequence[Contribution]]) -> dict[str, str]:
    """The name of each board's collection, with its languages, and a digest where these do not tell them apart."""
    plain = {}
    for key, contributions in by_board.items():
        names = [str((run.cell or {}).get("collection") or run.content["collection"].get("name") or "collection")
                 for run in contributions]  # fmt: skip
        plain[key] = min(names)
    titles = {}
    for key, name in plain.items():
        shared = list(plain.values()).count(name) > 1
        titles[key] = f"{name} ({_short(key)})" if shared else name
    return titles


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _short(key: str) -> str:
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()[:6]
