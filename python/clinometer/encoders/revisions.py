"""Revisions of a model's weights: the commit of its download, or a digest if there is no commit.

Two models with different weights never share a revision. Without a commit or a digest it is an empty string.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

from clinometer.encoders.hub import repositories

__all__ = ["folder_digest", "hub_commit", "snapshot", "weights_digest"]

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SNAPSHOT = re.compile(r"models--(?P<name>[^/]+)/snapshots/(?P<commit>[0-9a-f]{40})$")
# Files that determine embeddings: configuration, weights, vocabulary, code; not the model card or optimizer states.
_SUFFIXES = {".json", ".safetensors", ".bin", ".model", ".txt", ".py"}


def snapshot(folder: Path) -> tuple[str, str] | None:
    """The `owner/model` name and the commit of a folder in the hub's cache, None for other folders.

    Example:
        >>> snapshot(Path("cache/models--intfloat--multilingual-e5-base/snapshots") / ("0123456789" * 4))
        ('intfloat/multilingual-e5-base', '0123456789012345678901234567890123456789')
        >>> snapshot(Path("runs/e5")) is None
        True
    """
    match = _SNAPSHOT.search(folder.as_posix())
    return (match["name"].replace("--", "/", 1), match["commit"]) if match else None


def hub_commit(name: str, revision: str | None) -> str:
    """The commit of a hub model in the cache, else the requested revision, else an empty string."""
    if revision and _COMMIT.fullmatch(revision):
        return revision
    from huggingface_hub import try_to_load_from_cache

    folder = os.environ.get("SENTENCE_TRANSFORMERS_HOME")
    for repository in repositories(name):
        cached = try_to_load_from_cache(repository, "config.json", cache_dir=folder, revision=revision)
        cached_snapshot = snapshot(Path(cached).parent) if isinstance(cached, str) else None
        if cached_snapshot is not None:
            return cached_snapshot[1]
    return revision or ""


def folder_digest(folder: Path) -> str:
    """`sha256:` and 16 hex digits over names and bytes of the files of a model's folder that determine embeddings."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES and path.is_file()):
        with path.open("rb") as file:
            digest.update(
                path.relative_to(folder).as_posix().encode() + b"\0" + hashlib.file_digest(file, "sha256").digest()
            )
    return f"sha256:{digest.hexdigest()[:16]}"


def weights_digest(model: Any) -> str:
    """`weights-sha256:` and 16 hex digits over the current tensors of a model object; empty if it has none."""
    state = getattr(model, "state_dict", None)
    if not callable(state):
        return ""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(state().items()):
        raw = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(f"{name}\0{tuple(tensor.shape)}\0{tensor.dtype}\0".encode())
        digest.update(raw.numpy().data)
    return f"weights-sha256:{digest.hexdigest()[:16]}"
