"""What finished shards gave, kept in a folder while a scan runs, so that a killed one goes on where it was.

A part is written whole or not at all and carries a digest of the questions that it answers; one that answers others, or
was damaged, is scanned again.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import msgspec
import numpy as np

from clinometer.errors import FormatError, UsageError
from clinometer.files import json_bytes, lock, written_whole
from clinometer.scanning.counts import RankCounts, TopK
from clinometer.scanning.passes import Questions, Scan

__all__ = ["Checkpoint"]

_ABOUT = "parts.json"
_FORMAT = "clinometer-scan-parts"
_COUNTS = ("greater", "equal", "before", "scores", "pool_sizes")
_LISTS = ("ids", "scores", "places")


class Checkpoint:
    """Parts of one scan. A context manager: one scan at a time works in a folder.

    Args:
        folder: Where the parts are kept; made if it is not there.
        inputs: What the scan is of, by name: digests and settings that change what a shard gives.

    Raises:
        UsageError: The folder holds parts of another scan; what differs is named.
        FormatError: The folder holds something else.
        ClinometerError: Another scan works in it.
    """

    def __init__(self, folder: str | os.PathLike[str], inputs: Mapping[str, str]) -> None:
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = lock(self._folder)
        self.resumed = 0
        """Shards that were found finished, counted once for each pass."""
        try:
            self._begin(dict(inputs))
        except BaseException:
            self._lock.close()
            raise

    def _begin(self, inputs: dict[str, str]) -> None:
        path = self._folder / _ABOUT
        if not path.exists():
            if foreign := sorted(file.name for file in self._folder.iterdir() if not _is_own(file.name)):
                raise FormatError(
                    self._folder, None, f"this folder has no {_ABOUT} but {foreign[0]!r}; give a new or an empty folder"
                )
            with written_whole(path) as file:
                file.write(json_bytes({"format": _FORMAT, "version": 1, "inputs": inputs}))
            return
        try:
            about = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise FormatError(path, None, f"this is no list of parts ({error}); delete the folder") from None
        there = about.get("inputs")
        if (about.get("format"), about.get("version")) != (_FORMAT, 1) or not isinstance(there, dict):
            raise FormatError(path, None, "these are no parts of a scan; give another folder")
        differing = [
            f"{name}: {there.get(name)}, now {inputs.get(name)}"
            for name in dict.fromkeys((*there, *inputs))
            if there.get(name) != inputs.get(name)
        ]
        if differing:
            raise UsageError(
                f"{self._folder} holds parts of another scan ({'; '.join(differing)}); scan as before, give another "
                "folder, or delete this one"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def found(self, batch: int, asked: Questions, shards: int) -> dict[int, Callable[[], Scan]]:
        """The shards whose parts are there, and how to read them.

        Args:
            batch: Number of the pass.
            asked: The questions of the pass; the scores of the targets need not be known.
            shards: How many there are.
        """
        self._digest = _digest_of(asked)
        kept: dict[int, Callable[[], Scan]] = {}
        for number in range(shards):
            path = self._path(batch, number)
            if path.exists():
                part = _read(path, asked, self._digest)
                if part is None:
                    sys.stderr.write(
                        f"note: {path} is damaged or answers other questions; its shard is scanned again\n"
                    )
                else:
                    # Read once more when it is merged: all parts together may be larger than the memory.
                    kept[number] = lambda path=path: _whole(_read(path, asked, self._digest), path)  # type: ignore[misc]
        self.resumed += len(kept)
        return kept

    def keep(self, batch: int, number: int, part: Scan) -> None:
        """Write what a shard gave."""
        assert part.ranks is not None  # noqa: S101 - a pass always counts
        arrays = {name: getattr(part.ranks, name) for name in _COUNTS}
        if part.top is not None:
            arrays |= {f"top_{name}": getattr(part.top, name) for name in _LISTS}
        with written_whole(self._path(batch, number)) as file:
            np.savez(file, digest=np.array(self._digest), rescored=np.array(part.rescored), **arrays)

    def clear(self) -> None:
        """Delete the parts, and the folder if nothing else is in it: the result stands somewhere."""
        for path in self._folder.iterdir():
            if _is_own(path.name):
                path.unlink()
        if not any(self._folder.iterdir()):
            self._folder.rmdir()

    def _path(self, batch: int, number: int) -> Path:
        return self._folder / f"part-{batch:05d}-{number:05d}.npz"


def _is_own(name: str) -> bool:
    return name in (".lock", _ABOUT) or name.startswith((f"{_ABOUT}.", "part-"))


def _digest_of(asked: Questions) -> str:
    sha = hashlib.sha256()
    for array in (asked.queries, asked.indptr, asked.targets, asked.codes, asked.places):
        sha.update(f"{array.dtype.str}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).data)
    said = {name: asked.options[name] for name in ("similarity", "k", "per_language")}
    sha.update(repr((asked.labels, asked.ties, asked.held, asked.by_id, said)).encode())
    return sha.hexdigest()


def _read(path: Path, asked: Questions, digest: str) -> Scan | None:
    """A part; None if it is not one that answers these questions."""
    try:
        with path.open("rb") as raw:
            file = np.load(raw, allow_pickle=False)
            if str(file["digest"]) != digest:
                return None
            found = {name: file[name] for name in file.files}
    except (KeyError, ValueError, EOFError, OSError, BadZipFile):
        return None
    counts = RankCounts(
        indptr=asked.indptr,
        documents=asked.targets,
        codes=asked.codes,
        languages=asked.labels,
        ties=asked.ties,
        held=asked.held,
        by_id=asked.by_id,
        **{name: found[name] for name in _COUNTS},
    )
    top = None
    if asked.options["k"]:
        labels = asked.labels if asked.options["per_language"] else None
        top = TopK(found["top_ids"], found["top_scores"], found["top_places"], labels)
    return Scan(counts, top, int(found["rescored"]))


def _whole(part: Scan | None, path: Path) -> Scan:
    if part is None:
        raise FormatError(path, None, "this part was changed while it was used; delete it and run again")
    return part
