"""What a correction leaves in the record of the encoder whose embeddings it changed.

A record with a correction in it never has the name and revision of one without, and its remedies tell in which order
the embeddings were changed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from clinometer.correction.base import Correction
from clinometer.encoders import EncoderRecord

__all__ = ["corrected_record", "fitted_on", "remedy"]

_KEPT = (
    "strength", "query_strength", "components", "directions_removed", "centre", "centred", "scale", "pivot",
    "documents_fitted", "queries_fitted", "pairs_fitted",
)  # fmt: skip


def remedy(correction: Correction, query_languages: str = "given") -> dict[str, Any]:
    """The correction as an entry of `EncoderRecord.remedies`: `method`, `digest` and the settings that matter most.

    Args:
        correction: What was applied.
        query_languages: Where the languages of queries came from: `given`, `unknown` or `identify`.

    Example:
        >>> from clinometer.correction import Lir
        >>> rows = [[0.8, 0.6, 0.0], [0.8, -0.6, 0.0], [0.0, 0.6, 0.8], [0.0, -0.6, 0.8]]
        >>> entry = remedy(Lir.fit(rows, ["en", "en", "de", "de"]))
        >>> entry["method"], entry["settings"]["documents_fitted"], entry["settings"]["query_languages"]
        ('lir', {'de': 2, 'en': 2}, 'given')
    """
    kept = {name: correction.settings[name] for name in _KEPT if name in correction.settings}
    return {
        "method": correction.method,
        "digest": correction.digest,
        "settings": {"languages": list(correction.languages), "query_languages": query_languages, **kept},
    }


def corrected_record(record: EncoderRecord, correction: Correction, query_languages: str = "given") -> EncoderRecord:
    """The record of embeddings after a correction: its method joins the name, its digest the revision.

    A warning is added if the correction says that it was fitted on embeddings of another encoder.

    Args:
        record: Before the correction.
        correction: What was applied.
        query_languages: As for `remedy`.
    """
    return msgspec.structs.replace(
        record,
        name=f"{record.name} + {correction.method}",
        revision=f"{record.revision}; correction {correction.digest}".removeprefix("; "),
        dimension=correction.output_dimension,
        normalized=True,
        warnings=[*record.warnings, *_mismatch(record, correction)],
        remedies=[*record.remedies, remedy(correction, query_languages)],
    )


def fitted_on(record: EncoderRecord) -> dict[str, Any]:
    """What a correction keeps of the encoder it was fitted on, under `fitted_on` in its settings."""
    return {
        "encoder": record.name,
        "kind": record.kind,
        "revision": record.revision,
        "query_prompt": record.query_prompt,
        "document_prompt": record.document_prompt,
        "remedies": [f"{entry['method']} {entry['digest']}" for entry in record.remedies],
    }


def _mismatch(record: EncoderRecord, correction: Correction) -> list[str]:
    fitted: dict[str, Any] = correction.settings.get("fitted_on") or {}
    # Arrays from elsewhere do not say which model made them.
    if "encoder" not in fitted or "precomputed" in (record.kind, fitted.get("kind")):
        return []
    here, told = fitted_on(record), []
    if fitted["revision"] and record.revision:
        if fitted["revision"] != record.revision:
            told.append(f"{fitted['encoder']} ({fitted['revision']}), not of {record.name} ({record.revision})")
    elif fitted["encoder"] != record.name:
        told.append(f"{fitted['encoder']}, not of {record.name}")
    told += [
        f"texts with the {prompt.replace('_', ' ')} {fitted[prompt]!r}, not {here[prompt]!r}"
        for prompt in ("query_prompt", "document_prompt")
        if fitted.get(prompt, here[prompt]) != here[prompt]
    ]
    return [f"the correction was fitted on embeddings of {what}; fit it again for this encoder" for what in told]
