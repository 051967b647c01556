"""Options of commands that ask a server for embeddings; keys come from the environment only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from clinometer.errors import UsageError

__all__ = ["Cache", "Http", "Model", "http_options"]

Model = Annotated[str | None, typer.Option("--model", metavar="NAME", help="http: the server's name of the model.")]
Cache = Annotated[
    Path | None, typer.Option("--cache", metavar="DIR", help="http: keep finished batches, and go on from them.")
]
Http = Annotated[
    list[str] | None,
    typer.Option(
        "--http",
        metavar="NAME=VALUE",
        help="http, may be repeated: concurrency, requests-per-minute, texts-per-minute, timeout, retries, "
        "encoding-format, query-fields or document-fields (JSON).",
    ),
]


def http_options(model: str | None, cache: Path | None, given: Sequence[str] | None) -> dict[str, Any]:
    """Arguments for `clinometer.encoder`.

    Raises:
        UsageError: An option is not one, or has a value that it cannot have.

    Example:
        >>> http_options("e5", None, ["concurrency=4"])["http"].concurrency
        4
        >>> http_options("e5", None, ["speed=4"])
        Traceback (most recent call last):
        clinometer.errors.UsageError: --http speed=4: there is no such option; choose from concurrency, ...
    """
    from clinometer.encoders.http import HttpOptions

    known = [field.encode_name for field in msgspec.structs.fields(HttpOptions)]
    values: dict[str, Any] = {}
    for item in given or ():
        name, _, text = item.partition("=")
        if name not in known:
            raise UsageError(f"--http {item}: there is no such option; choose from {', '.join(known)}")
        try:
            values[name] = msgspec.json.decode(text) if name.endswith("-fields") else text
            options = msgspec.convert(values, HttpOptions, strict=False)
        except msgspec.DecodeError as error:  # of a value of another kind, too
            raise UsageError(f"--http {item}: this cannot be read: {error}; write NAME=VALUE") from None
    return {"model": model, "cache": cache, "http": options if values else None}
