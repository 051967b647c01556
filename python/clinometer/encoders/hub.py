"""The hub of models before a loader starts its retries: whether it answers, what is downloaded, what a typo meant.

Loaders try each file of a model several times with growing waits, for more than a minute, before they say that there
is no network; one short request says it at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

from clinometer.errors import first_line, optional_package
from clinometer.suggestions import close_names, likeness, question

__all__ = ["WELL_KNOWN", "did_you_mean", "is_downloaded", "repositories", "unreachable"]

WELL_KNOWN = (
    *("offline", "bm25"),
    *(f"intfloat/multilingual-e5-{size}" for size in ("small", "base", "large", "large-instruct")),
    *(f"intfloat/e5-{size}-v2" for size in ("small", "base", "large")),
    "intfloat/e5-mistral-7b-instruct",
    *("BAAI/bge-m3", "BAAI/bge-multilingual-gemma2"),
    *(f"BAAI/bge-{size}-en-v1.5" for size in ("small", "base", "large")),
    *("Alibaba-NLP/gte-multilingual-base", "Alibaba-NLP/gte-Qwen2-1.5B-instruct", "Alibaba-NLP/gte-Qwen2-7B-instruct"),
    *(f"Qwen/Qwen3-Embedding-{size}" for size in ("0.6B", "4B", "8B")),
    *("jinaai/jina-embeddings-v3", "jinaai/jina-embeddings-v4", "google/embeddinggemma-300m"),
    *("Snowflake/snowflake-arctic-embed-m-v2.0", "Snowflake/snowflake-arctic-embed-l-v2.0"),
    *("nomic-ai/nomic-embed-text-v1.5", "nomic-ai/nomic-embed-text-v2-moe", "mixedbread-ai/mxbai-embed-large-v1"),
    *("nvidia/NV-Embed-v2", "Salesforce/SFR-Embedding-2_R", "Salesforce/SFR-Embedding-Mistral"),
    *("OrdalieTech/Solon-embeddings-large-0.1", "ai-forever/FRIDA"),
    *("sentence-transformers/LaBSE", "sentence-transformers/all-MiniLM-L6-v2"),
    "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
    "sentence-transformers/paraphrase-multilingual-mpnet-base-v2",
    "sentence-transformers/distiluse-base-multilingual-cased-v2",
)  # fmt: skip
"""Names that a mistyped one may have meant: the package's own, and models that are often compared across languages."""

_SECONDS = 6.0
_OF_A_MODEL = ("modules.json", "config.json", "config_sentence_transformers.json")
_CLOSE = 0.75  # of a likeness: one or two letters of a name, not another size or version of a short one
_FOLDERS_READ = 200


def unreachable(seconds: float = _SECONDS) -> str:
    """The reason why the hub does not answer one short request; empty if it does, whatever the answer is.

    Args:
        seconds: Longest wait. A request's own limit would not count the look-up of the host's name.

    Raises:
        MissingExtraError: The extra `models` is not installed.
    """
    hub = optional_package("huggingface_hub", "a sentence-transformers model", "models")
    return _failure(lambda: hub.get_session().head(hub.constants.ENDPOINT, timeout=seconds), seconds)


def _failure(request: Callable[[], object], seconds: float) -> str:
    reasons: list[str] = []

    def attempt() -> None:
        try:
            request()
        except Exception as error:  # of the HTTP library in use, or that the hub is switched off
            reasons.append(first_line(error))
        else:
            reasons.append("")

    thread = Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    return reasons[0] if reasons else f"no answer within {seconds:g} s"


def is_downloaded(name: str, revision: str | None) -> bool:
    """Whether the hub's cache on this machine has the model, or at least its description.

    Raises:
        ValueError: No repository can have this name.
        MissingExtraError: The extra `models` is not installed.
    """
    hub = optional_package("huggingface_hub", "a sentence-transformers model", "models")
    folder = os.environ.get("SENTENCE_TRANSFORMERS_HOME")
    return any(
        isinstance(hub.try_to_load_from_cache(repository, file, cache_dir=folder, revision=revision), str)
        for repository in repositories(name)
        for file in _OF_A_MODEL
    )


def repositories(name: str) -> tuple[str, ...]:
    """The repositories that a model's name may stand for: without an owner, also that of sentence-transformers.

    Example:
        >>> repositories("LaBSE")
        ('LaBSE', 'sentence-transformers/LaBSE')
    """
    return (name,) if "/" in name else (name, f"sentence-transformers/{name}")


def did_you_mean(name: str, *, most: int = 2) -> str:
    """`; did you mean A or B?` with names like a mistyped one, empty if there are none.

    Names are well-known ones, models in the hub's cache, and folders of models where the name points to.

    Example:
        >>> did_you_mean("intfloat/multilingual-e5-smal")
        '; did you mean intfloat/multilingual-e5-small?'
        >>> did_you_mean("offlin"), did_you_mean("owner/something-else"), did_you_mean("BAAI/bge-m3")
        ('; did you mean offline?', '', '')
    """
    names = (*WELL_KNOWN, *_downloaded(), *_folders_near(name))
    near = close_names(name.rstrip("/"), names, most=most, close=_CLOSE, like=_likeness)
    return question([" or ".join(near)] if near else [])


def _likeness(name: str, known: str) -> float:
    """1 for equal names. Owners are often left out or wrong, so the last parts alone may agree."""
    whole = likeness(name, known)
    last = likeness(name.rpartition("/")[2], known.rpartition("/")[2])
    return max(whole, last - 0.01)


def _downloaded() -> Iterator[str]:
    try:
        from huggingface_hub import constants
    except ImportError:
        return
    for folder in (os.environ.get("SENTENCE_TRANSFORMERS_HOME"), constants.HF_HUB_CACHE):
        for path in _subfolders(Path(folder)) if folder else ():
            if path.name.startswith("models--"):
                yield path.name.removeprefix("models--").replace("--", "/", 1)


def _folders_near(name: str) -> Iterator[str]:
    """Folders of models beside the one that the name would be, as the user would write them."""
    parent = Path(os.path.expanduser(name)).parent  # noqa: PTH111  # pathlib's own fails on a user who does not exist
    for path in _subfolders(parent):
        if any((path / file).is_file() for file in _OF_A_MODEL):
            yield os.path.join(os.path.dirname(name), path.name)  # noqa: PTH118, PTH120  # `./` and `~` stay


def _subfolders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for _, entry in zip(range(_FOLDERS_READ), entries, strict=False) if entry.is_dir()]
    except OSError:
        return []
