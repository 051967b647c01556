"""Loading a sentence-transformers model by name or folder, with one sentence at once where it cannot be loaded."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from clinometer.encoders.hub import did_you_mean, is_downloaded, unreachable
from clinometer.errors import (
    EncoderError,
    MissingExtraError,
    UsageError,
    first_line,
    optional_package,
    printable,
    shortened,
)
from clinometer.suggestions import close_names

__all__ = ["LoadedModel", "load_model", "locate"]

_NAME_SHOWN = 200


class LoadedModel(NamedTuple):
    """A model and where it came from.

    Args:
        model: The SentenceTransformer.
        folder: Folder that it was loaded from, None for a name on the hub.
    """

    model: Any
    folder: Path | None


def load_model(
    name: str, *, device: str | None = None, revision: str | None = None, trust_remote_code: bool = False
) -> LoadedModel:
    """Load a model by the name of a folder or of a repository on the hub.

    Without a network, a downloaded model is loaded as it is, and any other name is refused within seconds.

    Args:
        name: Name on the hub, or path of a folder.
        device: Device, chosen by sentence-transformers if None.
        revision: Branch, tag or commit, for a name on the hub.
        trust_remote_code: Run Python code that comes with the model.

    Raises:
        UsageError: The name is empty, or a revision is given for a folder.
        EncoderError: The model does not exist or cannot be loaded; names like it are suggested.
        MissingExtraError: The extra `models` is not installed.
    """
    folder, options = locate(name, revision)
    library = optional_package("sentence_transformers", "a sentence-transformers model", "models")
    try:
        model = library.SentenceTransformer(
            name if folder is None else str(folder),
            device=device,
            revision=revision,
            trust_remote_code=trust_remote_code,
            **options,
        )
    except Exception as error:  # the loader may raise anything
        fix = (
            f"check the name, the revision and the network, or give a folder{did_you_mean(name)}"
            if folder is None
            else "check that the folder holds a saved model"
        )
        raise EncoderError(
            f"{_shown(name)} cannot be loaded by sentence-transformers ({first_line(error)}); {fix}"
        ) from error
    return LoadedModel(model, folder)


def locate(name: str, revision: str | None = None) -> tuple[Path | None, dict[str, bool]]:
    """The folder of a model, None for one on the hub, and options for the loader; a wrong name is refused at once.

    Raises:
        UsageError: The name is empty, or a revision is given for a folder.
        EncoderError: There is no such folder, or no such downloaded model and no network.
        MissingExtraError: The extra `models` is not installed.
    """
    if not name:
        raise UsageError("the name of the encoder is empty; give a model's name or folder")
    folder = Path(os.path.expanduser(name))  # noqa: PTH111  # pathlib's own fails on a user who does not exist
    local = _is_folder(folder)
    if not local and (folder.is_absolute() or name[0] in ".~" or len(folder.parts) > 2):
        raise EncoderError(f"the model folder {_shown(name)} does not exist; check the path{did_you_mean(name)}")
    if local and revision is not None:
        raise UsageError(f"revision is for models on the hub, but {_shown(name)} is a folder; leave it out")
    return (folder, {}) if local else (None, _without_network(name, revision))


def _without_network(name: str, revision: str | None) -> dict[str, bool]:
    """Options for the loader; where the hub does not answer, only what is on this machine can be loaded."""
    # Importing sentence-transformers takes seconds, and is not needed to refuse a name.
    if "sentence_transformers" not in sys.modules and find_spec("sentence_transformers") is None:
        near = close_names(name, ("offline", "precomputed", "bm25"), most=1)
        aside = f" (or did you mean {near[0]}?)" if near else ""
        raise MissingExtraError(f"a sentence-transformers model{aside}", "models")
    try:
        downloaded = is_downloaded(name, revision)
    except ValueError:
        raise EncoderError(
            f"{_shown(name)} is not a folder, and cannot be the name of a model on the hub; write OWNER/NAME, with "
            f"letters, digits, '-', '_' and '.'{did_you_mean(name)}"
        ) from None
    reason = unreachable()
    if not reason:
        return {}
    if not downloaded:
        at = "" if revision is None else f" at revision {_shown(revision)}"
        raise EncoderError(
            f"{_shown(name)} is neither a folder nor a downloaded model{at}, and the hub cannot be reached ({reason}); "
            f"check the name and the network, or give a folder{did_you_mean(name)}"
        )
    return {"local_files_only": True}


def _shown(name: str) -> str:
    return shortened(printable(name), _NAME_SHOWN)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # too long for a name, or with a null character
        return False
