"""Results of finished shards, kept in a folder while a scan runs, so that a killed scan resumes where it stopped.

A part is written completely or not at all and carries a digest of its scan task; a shard whose part is damaged or has
another digest is scanned again.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from clinometer.contents import npz_arrays, read_json
from clinometer.errors import FormatError, UsageError
from clinometer.files import json_bytes, lock, refuse_foreign, written_whole
from clinometer.scanning.counts import TopK, tie_order
from clinometer.scanning.passes import Scan, ScanTask

__all__ = ["Checkpoint"]

_ABOUT = "parts.json"
_FORMAT = "clinometer-scan-parts"
_COUNTS = ("greater", "equal", "before", "scores", "pool_sizes")
_LISTS = ("ids", "scores", "places")


class Checkpoint:
    """Parts of one scan. A context manager: one scan at a time works in a folder.

    Args:
        folder: Folder of the parts; created if it does not exist.
        inputs: Digests and settings that change the results of a shard, by name.

    Raises:
        UsageError: The folder holds parts of another scan; the message names the differences.
        FormatError: The folder holds something else.
        ClinometerError: Another scan is using it.
    """

    def __init__(self, folder: str | os.PathLike[str], inputs: Mapping[str, str]) -> None:
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = lock(self._folder)
        self.resumed = 0
        """Number of shards that were already finished, counted once per pass."""
        try:
            self._begin(dict(inputs))
        except BaseException:
            self._lock.close()
            raise

    def _begin(self, inputs: dict[str, str]) -> None:
        path = self._folder / _ABOUT
        if not path.exists():
            refuse_foreign(self._folder, _ABOUT, _is_own)
            with written_whole(path) as file:
                file.write(json_bytes({"format": _FORMAT, "version": 1, "inputs": inputs}))
            return
        about = read_json(path, dict[str, Any], "expected a list of scan parts; delete the folder")
        old_inputs = about.get("inputs")
        if (about.get("format"), about.get("version")) != (_FORMAT, 1) or not isinstance(old_inputs, dict):
            raise FormatError(path, None, "not a list of scan parts; choose another folder")
        differing = [
            f"{name}: {old_inputs.get(name)}, now {inputs.get(name)}"
            for name in dict.fromkeys((*old_inputs, *inputs))
            if old_inputs.get(name) != inputs.get(name)
        ]
        if differing:
            raise UsageError(
                f"{self._folder} holds parts of another scan ({'; '.join(differing)}); repeat that scan, choose "
                "another folder, or delete this one"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def finished(self, batch: int, task: ScanTask, shards: int) -> dict[int, Callable[[], Scan]]:
        """Functions that read the parts of finished shards of a pass, by shard number.

        The scores of the task's targets need not be known.
        """
        self._digest = _digest_of(task)
        readers: dict[int, Callable[[], Scan]] = {}
        for number in range(shards):
            path = self._path(batch, number)
            if path.exists():
                part = _read(path, task, self._digest)
                if part is None:
                    sys.stderr.write(
                        f"note: {path} is damaged or belongs to another task; its shard is scanned again\n"
                    )
                else:
                    # Read again when it is merged: all parts together may exceed the memory.
                    readers[number] = lambda path=path: _whole(_read(path, task, self._digest), path)  # type: ignore[misc]
        self.resumed += len(readers)
        return readers

    def keep(self, batch: int, number: int, part: Scan) -> None:
        """Write the result of a shard."""
        assert part.ranks is not None  # noqa: S101 - a pass always counts
        arrays = {name: getattr(part.ranks, name) for name in _COUNTS}
        if part.top is not None:
            arrays |= {f"top_{name}": getattr(part.top, name) for name in _LISTS}
        with written_whole(self._path(batch, number)) as file:
            np.savez(file, digest=np.array(self._digest), rescored=np.array(part.rescored), **arrays)

    def clear(self) -> None:
        """Delete the parts, and the folder if nothing else is in it, once the result is saved."""
        for path in self._folder.iterdir():
            if _is_own(path.name):
                path.unlink()
        if not any(self._folder.iterdir()):
            self._folder.rmdir()

    def _path(self, batch: int, number: int) -> Path:
        return self._folder / f"part-{batch:05d}-{number:05d}.npz"


def _is_own(name: str) -> bool:
    return name in (".lock", _ABOUT) or name.startswith((f"{_ABOUT}.", "part-"))


def _digest_of(task: ScanTask) -> str:
    sha = hashlib.sha256()
    for array in (task.queries, task.indptr, task.targets, task.codes, task.places):
        sha.update(f"{array.dtype.str}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).data)
    settings = task.settings
    options = {name: settings.options[name] for name in ("similarity", "k", "per_language")}
    sha.update(repr((settings.labels, settings.ties, tie_order(settings.ties), settings.by_id, options)).encode())
    return sha.hexdigest()


def _read(path: Path, task: ScanTask, digest: str) -> Scan | None:
    """A part; None if it is damaged or belongs to another task."""
    try:
        arrays = npz_arrays(path, "damaged")
    except (FormatError, OSError):
        return None
    if str(arrays.get("digest")) != digest:
        return None
    if not _fit(arrays, task):
        return None
    counts = task.counts(**{name: arrays[name] for name in _COUNTS})
    top = None
    if task.settings.options["k"]:
        labels = task.settings.labels if task.settings.options["per_language"] else None
        top = TopK(arrays["top_ids"], arrays["top_scores"], arrays["top_places"], labels)
    return Scan(counts, top, int(arrays["rescored"]))


def _fit(arrays: dict[str, NDArray[Any]], task: ScanTask) -> bool:
    """Whether the arrays are those that a scan of the task keeps."""
    options, labels = task.settings.options, len(task.settings.labels)
    rows, queries, k = len(task.targets), len(task.queries), options["k"]
    cells = {"scores": (rows,), "pool_sizes": (labels,)} | dict.fromkeys(("greater", "equal", "before"), (rows, labels))
    per_language = (labels,) if options["per_language"] else ()
    lists = dict.fromkeys([f"top_{name}" for name in _LISTS], (queries, *per_language, k)) if k else {}
    shapes = {"digest": (), "rescored": (), **cells, **lists}
    return {name: array.shape for name, array in arrays.items()} == shapes and all(
        array.dtype.kind in "iuf" for name, array in arrays.items() if name != "digest"
    )


def _whole(part: Scan | None, path: Path) -> Scan:
    if part is None:
        raise FormatError(path, None, "this part changed during the run; delete it and run again")
    return part
