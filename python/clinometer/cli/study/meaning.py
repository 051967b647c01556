"""The meaning of a cell: everything that determines its results, so that a change of the file redoes just that."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from clinometer.cli.correct import ROWS
from clinometer.cli.entries import written_options
from clinometer.cli.option_groups import without_none
from clinometer.cli.remedies import correction_file
from clinometer.cli.study.definition import Cell, EncoderEntry, StudyDefinition
from clinometer.errors import shortened, shown

__all__ = ["changes", "commands", "encoding", "meaning"]

_HARMLESS = ("batch_size", "device", "cache", "trust_remote_code")
"""Options of an encoder that say how it works and not what it computes."""

_EXECUTION = ("threads", "executor", "scan_device")


def encoding(entry: EncoderEntry, collection_name: str, digest: str, study: StudyDefinition) -> dict[str, Any]:
    """What determines the stored embeddings of an encoder and a collection."""
    options = {name: value for name, value in entry.options.arguments().items() if name not in _HARMLESS}
    if "http" in options:
        fields = msgspec.to_builtins(options["http"])
        options["http"] = {name: fields[name] for name in fields if "fields" in name or "format" in name}
    arrays = {side: entry.array(side, collection_name) for side in ("queries", "documents")}
    return {
        "encoder": {"encoder": entry.options.name, **without_none(options)} | without_none(
            {"similarity": entry.similarity, "weights": _weights(entry)}
        ),
        "arrays": {side: _file(path) for side, path in arrays.items() if path},
        "collection": digest,
        "store": study.storage.dtype or "float32",
    }  # fmt: skip


def meaning(cell: Cell, encoded: Mapping[str, Any], study: StudyDefinition) -> dict[str, Any]:
    """What determines the results of a cell. JSON values only.

    Args:
        cell: The cell.
        encoded: What determines its embeddings, from `encoding`.
        study: The study.
    """
    files = cell.remedy.files
    remedy: dict[str, Any] = without_none({"query-languages": files.query_languages})
    if files.adapter is not None:
        remedy["adapter"] = _file(files.adapter)
    if files.correction is not None:
        remedy["correction"] = _file(correction_file(files.correction))
    if cell.remedy.fitting is not None:
        fitting = cell.remedy.fitting
        options = {name: value for name, value in asdict(fitting).items() if value not in (None, False)}
        remedy |= options | {"method": fitting.name, "sample": fitting.sample or ROWS, "seed": cell.seed}
    if cell.remedy.expand is not None:
        remedy["expand"] = cell.remedy.expand
    if cell.remedy.feedback is not None:
        remedy["feedback"] = cell.remedy.feedback
    if cell.remedy.own_first:
        remedy["own-first"] = True
    content = {
        **encoded,
        "remedy": remedy,
        "evaluate": study.measured.options(study.resampling),
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(content))
    return plain


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs between two meanings, in words.

    Example:
        >>> changes({"remedy": {"sample": 60}, "store": "float32"}, {"remedy": {"sample": 200}, "store": "float32"})
        'remedy sample: 60, now 200'
    """
    flat_before, flat_now = _flat(before), _flat(now)
    differing = [
        f"{name}: {_word(flat_before.get(name))}, now {_word(flat_now.get(name))}"
        for name in dict.fromkeys((*flat_before, *flat_now))
        if flat_before.get(name) != flat_now.get(name)
    ]
    more = f" and {len(differing) - 2} more" if len(differing) > 2 else ""
    return "; ".join(differing[:2]) + more


def commands(cell: Cell, study: StudyDefinition) -> list[list[str]]:
    """The commands that give the results of a cell by hand."""
    encoder, collection, remedy = cell.encoder, cell.collection, cell.remedy
    source = [collection.source, *written_options(collection.reading)]
    model = written_options(encoder.options)
    for side in ("queries", "documents"):
        if path := encoder.array(side, collection.name):
            model += [f"--{side}", path]
    pool = [word for step in collection.pool for word in ("--pool", step)]
    measured = study.measured
    similarity = encoder.similarity or measured.similarity
    evaluate = ["clinometer", "evaluate", *source, *model, *pool, *written_options(measured, without=("similarity",))]
    evaluate += ["--similarity", similarity] if similarity else []
    evaluate += written_options(study.resampling)
    evaluate += [] if remedy.expand is None else ["--expand", str(remedy.expand)]
    evaluate += [] if remedy.feedback is None else ["--feedback", str(remedy.feedback)]
    evaluate += ["--own-first"] if remedy.own_first else []
    adapter = ["--adapter", str(remedy.files.adapter)] if remedy.files.adapter is not None else []
    modes = ["--query-languages", remedy.files.query_languages] if remedy.files.query_languages is not None else []
    if remedy.fitting is None:
        correction = ["--correction", str(remedy.files.correction)] if remedy.files.correction is not None else []
        return [[*evaluate, *adapter, *correction, *modes]]
    name = f"{cell.encoder.name}-{cell.collection.name}-{remedy.name}-{cell.seed}.npz"
    sample = ["--sample", str(remedy.fitting.sample or ROWS), "--seed", str(cell.seed)]
    fitting = written_options(remedy.fitting, without=("sample",))
    fit = ["clinometer", "correct", *source, *model, *fitting, *sample, *adapter, "-o", name]
    return [fit, [*evaluate, *adapter, "--correction", name, *modes]]


def _weights(entry: EncoderEntry) -> str | None:
    """Digest of a local model, which may be trained further under its name."""
    folder = Path(entry.options.name)
    if entry.options.name == "offline" or not folder.is_dir():
        return None
    from clinometer.encoders.revisions import folder_digest

    return folder_digest(folder)


def _file(path: str | Path) -> str:
    """Digest of a file, or of the files of an adapter's folder."""
    from clinometer.files import file_digest

    path = Path(path)
    if not path.is_dir():
        return file_digest(path)
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()}\0{file_digest(file)}\0".encode())
    return digest.hexdigest()


def _word(value: Any) -> str:
    return shortened(value, 40) if isinstance(value, str) else "none" if value is None else shown(value, 40)


def _flat(content: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, Mapping):
            flat |= {f"{name} {inner}": item for inner, item in _flat(value).items()}
        else:
            flat[name] = value
    return flat
