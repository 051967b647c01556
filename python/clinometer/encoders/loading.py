"""Loading a sentence-transformers model by name or folder, with one sentence at once where it cannot be loaded."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from clinometer.encoders.hub import did_you_mean, is_downloaded, unreachable
from clinometer.errors import EncoderError, MissingExtraError, UsageError, first_line, optional_package

__all__ = ["LoadedModel", "load_model"]

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
    if not name:
        raise UsageError("the name of the encoder is empty; give a model's name or folder")
    folder = Path(os.path.expanduser(name))  # noqa: PTH111  # pathlib's own fails on a user who does not exist
    shown = name if name.isprintable() else repr(name)
    shown = shown if len(shown) <= _NAME_SHOWN else f"{shown[:_NAME_SHOWN]}..."
    local = _is_folder(folder)
    if not local and (folder.is_absolute() or name[0] in ".~" or len(folder.parts) > 2):
        raise EncoderError(f"the model folder {shown} does not exist; check the path{did_you_mean(name)}")
    if local and revision is not None:
        raise UsageError(f"revision is for models on the hub, but {shown} is a folder; leave it out")
    options = {"device": device, "revision": revision, "trust_remote_code": trust_remote_code}
    if not local:
        options |= _without_network(name, shown, revision)
    library = optional_package("sentence_transformers", "a sentence-transformers model", "models")
    try:
        model = library.SentenceTransformer(str(folder) if local else name, **options)
    except Exception as error:  # the loader may raise anything
        fix = (
            "check that the folder holds a saved model"
            if local
            else f"check the name, the revision and the network, or give a folder{did_you_mean(name)}"
        )
        raise EncoderError(
            f"{shown} cannot be loaded by sentence-transformers ({first_line(error)[:300]}); {fix}"
        ) from error
    return LoadedModel(model, folder if local else None)


def _without_network(name: str, shown: str, revision: str | None) -> dict[str, bool]:
    """Options for the loader; where the hub does not answer, only what is on this machine can be loaded."""
    # Importing sentence-transformers takes seconds, and is not needed to refuse a name.
    if "sentence_transformers" not in sys.modules and find_spec("sentence_transformers") is None:
        raise MissingExtraError("a sentence-transformers model", "models")
    try:
        downloaded = is_downloaded(name, revision)
    except ValueError:
        raise EncoderError(
            f"{shown} is not a folder, and cannot be the name of a model on the hub; write OWNER/NAME, with letters, "
            f"digits, '-', '_' and '.'{did_you_mean(name)}"
        ) from None
    reason = unreachable()
    if not reason:
        return {}
    if not downloaded:
        at = "" if revision is None else f" at revision {revision[:_NAME_SHOWN]}"
        raise EncoderError(
            f"{shown} is neither a folder nor a downloaded model{at}, and the hub cannot be reached ({reason}); check "
            f"the name and the network, or give a folder{did_you_mean(name)}"
        )
    return {"local_files_only": True}


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # too long for a name, or with a null character
        return False
