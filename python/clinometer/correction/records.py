"""Corrections in the record of the encoder whose embeddings they changed.

A record with a correction never has the name and revision of one without, and its remedies are in the order in which
they were applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from clinometer.correction.base import Correction
from clinometer.correction.turn import Turn
from clinometer.encoders import EncoderRecord
from clinometer.encoders.similarity import scaled_record

__all__ = ["corrected_record", "fitted_on", "remedies_of", "remedy", "with_entry"]

_RECORDED = (
    "strength", "query_strength", "components", "directions_removed", "centre", "centred", "scale", "pivot",
    "documents_fitted", "queries_fitted", "pairs_fitted", "through",
)  # fmt: skip
_TURN_RECORDED = (
    "pivot", "ridge", "neighbours", "margin", "documents_tried", "pairs", "pairs_by_chance", "pairs_right",
)  # fmt: skip


def remedy(correction: Correction, query_languages: str = "given") -> dict[str, Any]:
    """The correction as an entry of `EncoderRecord.remedies`: `method`, `digest` and the settings that matter most.

    Args:
        correction: The applied correction.
        query_languages: Source of the languages of queries: `given`, `unknown` or `identify`.

    Example:
        >>> from clinometer.correction import Lir
        >>> rows = [[0.8, 0.6, 0.0], [0.8, -0.6, 0.0], [0.0, 0.6, 0.8], [0.0, -0.6, 0.8]]
        >>> entry = remedy(Lir.fit(rows, ["en", "en", "de", "de"]))
        >>> entry["method"], entry["settings"]["documents_fitted"], entry["settings"]["query_languages"]
        ('lir', {'de': 2, 'en': 2}, 'given')
    """
    if isinstance(correction, Turn):
        languages, settings = list(correction.turned), _turn_settings(correction)
    else:
        languages = list(correction.languages)
        settings = {name: correction.settings[name] for name in _RECORDED if name in correction.settings}
    return {
        "method": correction.method,
        "digest": correction.digest,
        "settings": {"languages": languages, "query_languages": query_languages, **settings},
    }


def remedies_of(correction: Correction, query_languages: str = "given") -> list[dict[str, Any]]:
    """The entries of `EncoderRecord.remedies` in their order: a turn comes after the centering that it holds."""
    parts = (correction.center, correction) if isinstance(correction, Turn) else (correction,)
    return [remedy(part, query_languages) for part in parts]


def _turn_settings(turn: Turn) -> dict[str, Any]:
    record = turn.settings["turn"]
    settings = {name: record[name] for name in _TURN_RECORDED if name in record}
    medians = {label: quartiles[1] for label, quartiles in record["margins"].items()}
    return {**settings, "left_out": ", ".join(record["left_out"]), "median_margins": medians}


def corrected_record(record: EncoderRecord, correction: Correction, query_languages: str = "given") -> EncoderRecord:
    """The record of embeddings after a correction: its method is added to the name, its digest to the revision.

    A turn adds two methods to the name and two remedies, but one digest to the revision. A warning is added if the
    correction was fitted on embeddings of another encoder. Arguments as for `remedy`.
    """
    record, added = scaled_record(record, correction.method), remedies_of(correction, query_languages)
    return msgspec.structs.replace(
        record,
        name=" + ".join([record.name, *(entry["method"] for entry in added)]),
        revision=f"{record.revision}; correction {correction.digest}".removeprefix("; "),
        dimension=correction.output_dimension,
        normalized=True,
        warnings=[*record.warnings, *_mismatch(record, correction)],
        remedies=[*record.remedies, *added],
    )


def with_entry(record: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """The record of an encoder, as builtins, with one more remedy, whose method ends the name.

    Example:
        >>> with_entry({"name": "model", "remedies": []}, {"method": "feedback"})
        {'name': 'model + feedback', 'remedies': [{'method': 'feedback'}]}
    """
    return {**record, "name": f"{record['name']} + {entry['method']}", "remedies": [*record["remedies"], entry]}


def fitted_on(record: EncoderRecord) -> dict[str, Any]:
    """The encoder that a correction was fitted on, for `fitted_on` in its settings."""
    return {
        "encoder": record.name,
        "kind": record.kind,
        "revision": record.revision,
        "query_prompt": record.query_prompt,
        "document_prompt": record.document_prompt,
        "remedies": [f"{entry['method']} {entry['digest']}" for entry in record.remedies],
    }


def _mismatch(record: EncoderRecord, correction: Correction) -> list[str]:
    fitted_encoder: dict[str, Any] = correction.settings.get("fitted_on") or {}
    # Precomputed arrays do not say which model they are from.
    if "encoder" not in fitted_encoder or "precomputed" in (record.kind, fitted_encoder.get("kind")):
        return []
    current, differences = fitted_on(record), []
    if fitted_encoder.get("revision") and record.revision:
        if fitted_encoder["revision"] != record.revision:
            differences.append(
                f"{fitted_encoder['encoder']} ({fitted_encoder['revision']}), not of {record.name} ({record.revision})"
            )
    elif fitted_encoder["encoder"] != record.name:
        differences.append(f"{fitted_encoder['encoder']}, not of {record.name}")
    differences += [
        f"texts with the {prompt.replace('_', ' ')} {fitted_encoder[prompt]!r}, not {current[prompt]!r}"
        for prompt in ("query_prompt", "document_prompt")
        if fitted_encoder.get(prompt, current[prompt]) != current[prompt]
    ]
    return [
        f"the correction was fitted on embeddings of {difference}; fit it again for this encoder"
        for difference in differences
    ]
