"""A model behind a URL with OpenAI's embeddings protocol, such as vLLM, TEI, llama.cpp, Ollama or OpenAI.

Prompts are added here and recorded; other steps of the server (pooling, truncation) are not visible.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.encoders.answers import UnusableRowError, rows_of
from clinometer.encoders.base import EncoderRecord
from clinometer.encoders.endpoint import Endpoint, Pace, checked_address
from clinometer.encoders.families import missing_prompts
from clinometer.encoders.finished import Finished, Origin
from clinometer.encoders.secrecy import repeats_key
from clinometer.encoders.texts import check_texts
from clinometer.encoders.transport import LOOPBACK
from clinometer.errors import EncoderError, UsageError, printable
from clinometer.progress import progress

__all__ = ["HttpEncoder", "HttpOptions"]

_OWN_FIELDS = ("input", "model", "encoding_format")
_MOST_CONCURRENT = 256
_WEEK = 7 * 24 * 3600
_LONGEST_NAME = 200
_SHORTEST_SECRET = 12


class HttpOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """Options of requests to a server.

    Args:
        concurrency: Number of concurrent requests, 256 at most.
        requests_per_minute: Maximum number of requests, retries included; None for no limit.
        texts_per_minute: The same for texts.
        timeout: Seconds after which a request without a whole response fails.
        retries: Number of retries of a failed request.
        encoding_format: `float` or `base64`; the latter is shorter and exact, but not every server supports it.
        query_fields: Further fields of requests with queries, such as `{"input_type": "query"}`.
        document_fields: The same for documents.
    """

    concurrency: int = 1
    requests_per_minute: float | None = None
    texts_per_minute: float | None = None
    timeout: float = 300.0
    retries: int = 5
    encoding_format: Literal["float", "base64"] = "float"
    query_fields: dict[str, Any] = {}
    document_fields: dict[str, Any] = {}


class HttpEncoder:
    """Encodes with the embeddings of a server.

    The constructor sends one short text, so that a wrong URL, key or model is detected early, and the dimension is
    known, unless it is in the cache. Repeated texts in a call are sent once, so that they tie.

    Without `api_key` the key is that of the environment variable `CLINOMETER_API_KEY`, or, for URLs of `openai.com`
    only, `OPENAI_API_KEY`. It is never stored, shown or recorded, and texts of the server that repeat it are left out.

    Args:
        address: URL such as `http://localhost:8000/v1`, to which `/embeddings` is appended.
        model: The server's name of the model.
        api_key: The key; `""` for none.
        query_prompt: Text put before each query; None and `""` for none.
        document_prompt: The same for documents.
        batch_size: Texts in one request.
        cache: Folder of finished batches, so that a stopped run resumes and no text is paid for twice; None for none.
        options: Options of the requests.

    Raises:
        UsageError: The URL or an option cannot be used.
        EncoderError: The server refuses or does not respond.

    Example:
        >>> encoder = HttpEncoder("http://localhost:8000/v1", "intfloat/multilingual-e5-small",
        ...                       query_prompt="query: ", document_prompt="passage: ")  # doctest: +SKIP
        >>> encoder.encode_queries(["Wo liegt Mainz?"]).shape  # doctest: +SKIP
        (1, 384)
    """

    def __init__(
        self,
        address: str,
        model: str,
        *,
        api_key: str | None = None,
        query_prompt: str | None = None,
        document_prompt: str | None = None,
        batch_size: int = 32,
        cache: str | os.PathLike[str] | None = None,
        options: HttpOptions | None = None,
    ) -> None:
        self._options = options = options or HttpOptions()
        _check(options, batch_size)
        texts = {"address": address, "model": model, "query_prompt": query_prompt, "document_prompt": document_prompt}
        for name, text in (texts | {"api_key": api_key}).items():
            if not isinstance(text, str) and (text is not None or name in ("address", "model")):
                raise UsageError(f"{name} must be a string, not {type(text).__name__}")
        address = checked_address(address)
        if not model:
            raise UsageError("the name of the model is empty; give the server's name of the model")
        check_texts([model, query_prompt or "", document_prompt or ""], "model and prompts")
        key = _key(urlsplit(address).hostname or "") if api_key is None else api_key
        if any(not 33 <= ord(character) <= 126 for character in key):
            raise UsageError("the API key has white space or characters that are not ASCII; set it again")
        _check_unrecorded(
            key, texts | {"query_fields": options.query_fields, "document_fields": options.document_fields}
        )
        self._endpoint = Endpoint(
            f"{address}/embeddings",
            key or None,
            options.timeout,
            options.retries,
            Pace(options.requests_per_minute, options.texts_per_minute),
        )
        self._key, self._model, self._batch_size = key, model, batch_size
        self._prompts = {"queries": query_prompt or "", "documents": document_prompt or ""}
        self._fields = {"queries": options.query_fields, "documents": options.document_fields}
        origin = Origin(endpoint=address, model=model, encoding_format=options.encoding_format)
        self._finished = None if cache is None else Finished(Path(cache), origin)
        self._origin = origin if self._finished is None else self._finished.origin
        if not self._origin.dimension:
            self._ask("queries", [self._prompts["queries"] + "a"])
        warnings = missing_prompts(model, [model], self._prompts, query_prompt, document_prompt)
        if key and address.startswith("http:") and urlsplit(address).hostname not in LOOPBACK:
            warnings.append(f"{address} is not encrypted, so the API key can be intercepted; use https")
        self._record = EncoderRecord(
            name=model,
            kind="http",
            revision=self._origin.served,
            dimension=self._origin.dimension,
            query_prompt=self._prompts["queries"],
            document_prompt=self._prompts["documents"],
            warnings=warnings,
            settings={
                "endpoint": address,
                "encoding_format": options.encoding_format,
                "query_fields": options.query_fields,
                "document_fields": options.document_fields,
            },
        )

    @property
    def record(self) -> EncoderRecord:
        """Record of the encoder. The revision is the server's name of the model; no more is known."""
        return self._record

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        """`(len(texts), dimension)` float32, row i for text i, with the query prompt.

        Raises:
            EncoderError: The server refuses, does not respond, or does not return one vector per text.
        """
        return self._encode(texts, "queries", show_progress_bar)

    def encode_documents(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        """`(len(texts), dimension)` float32, row i for text i, with the document prompt.

        Raises:
            EncoderError: As for `encode_queries`.
        """
        return self._encode(texts, "documents", show_progress_bar)

    def _encode(self, texts: Sequence[str], stage: str, show_progress_bar: bool) -> NDArray[np.float32]:
        check_texts(texts, stage)
        row_of_text = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        inputs = [self._prompts[stage] + text for text in row_of_text]
        rows = np.empty((len(inputs), self._origin.dimension), dtype=np.float32)
        digests = [] if self._finished is None else [self._digest(stage, text) for text in inputs]
        missing_rows = list(range(len(inputs))) if self._finished is None else self._finished.fill(rows, digests)
        batches = [
            missing_rows[start : start + self._batch_size] for start in range(0, len(missing_rows), self._batch_size)
        ]

        def request_batch(batch: list[int]) -> NDArray[np.float32]:
            def row_of(position: int) -> int:
                return next(row for row, text in enumerate(texts) if row_of_text[text] == batch[position])

            try:
                return self._ask(stage, [inputs[row] for row in batch])
            except UnusableRowError as error:
                raise EncoderError(f"{stage}, row {row_of(error.text)}: {error.problem}") from None
            except EncoderError as error:
                raise EncoderError(f"{stage}, {len(batch)} texts from row {row_of(0)}: {error}") from None

        done = len(inputs) - len(missing_rows)
        with progress(len(inputs), stage, "texts", initial=done, shown=show_progress_bar) as bar:
            for batch, embeddings in self._answered(request_batch, batches):
                rows[batch] = embeddings
                if self._finished is not None:
                    self._finished.keep([digests[row] for row in batch], embeddings)
                bar.update(len(batch))
        return rows if len(row_of_text) == len(texts) else rows[[row_of_text[text] for text in texts]]

    def _answered(
        self, request_batch: Callable[[list[int]], NDArray[np.float32]], batches: Sequence[list[int]]
    ) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """The batches with their embeddings as they arrive; those before a failure are yielded before it is raised."""
        if self._options.concurrency == 1:
            yield from ((batch, request_batch(batch)) for batch in batches)
            return
        remaining = iter(batches)
        failure: BaseException | None = None
        self._endpoint.start()
        with ThreadPoolExecutor(self._options.concurrency) as pool:
            pending: dict[Future[NDArray[np.float32]], list[int]] = {}
            try:
                while True:
                    while failure is None and len(pending) < self._options.concurrency:
                        if (batch := next(remaining, None)) is None:
                            break
                        pending[pool.submit(request_batch, batch)] = batch
                    if not pending:
                        break
                    for future in wait(pending, return_when=FIRST_COMPLETED).done:
                        batch = pending.pop(future)
                        if (error := future.exception()) is None:
                            yield batch, future.result()
                        elif failure is None:
                            failure = error
                            self._endpoint.stop()
            except BaseException:
                self._endpoint.stop()
                raise
            finally:
                for future in pending:
                    future.cancel()
        if failure is not None:
            raise failure

    def _ask(self, stage: str, inputs: list[str]) -> NDArray[np.float32]:
        body = {
            **self._fields[stage],
            "model": self._model,
            "input": inputs,
            "encoding_format": self._options.encoding_format,
        }
        url = self._endpoint.url
        rows, served = self._endpoint.post(body, len(inputs), lambda raw: rows_of(raw, len(inputs), url))
        if repeats_key(served, self._key) or len(served) > _LONGEST_NAME or served != printable(served):
            raise EncoderError(
                f"{url} returned a name of its model that repeats the API key, is longer than {_LONGEST_NAME} "
                "characters, or has control characters; check the server"
            )
        origin = self._origin
        if not origin.dimension:
            self._origin = msgspec.structs.replace(origin, served=served, dimension=rows.shape[1])
            if self._finished is not None:
                self._finished.meet(self._origin)
        elif (served, rows.shape[1]) != (origin.served, origin.dimension):
            raise EncoderError(
                f"{url} returned {rows.shape[1]} dimensions of {served!r}, but {origin.dimension} of "
                f"{origin.served!r} before; encode everything with one model, and use a separate cache"
            )
        return rows

    def _digest(self, stage: str, text: str) -> str:
        fields = msgspec.json.encode(self._fields[stage], order="sorted")
        return hashlib.sha256(fields + b"\0" + text.encode()).hexdigest()


def _key(host: str) -> str:
    key = os.environ.get("CLINOMETER_API_KEY")
    if key is None and (host == "openai.com" or host.endswith(".openai.com")):
        key = os.environ.get("OPENAI_API_KEY")
    return key or ""


def _check(options: HttpOptions, batch_size: int) -> None:
    if not isinstance(options, HttpOptions):
        raise UsageError(f"options must be HttpOptions, not {type(options).__name__}")
    values = {field.encode_name: getattr(options, field.name) for field in msgspec.structs.fields(HttpOptions)}
    try:
        msgspec.convert(values, HttpOptions)
        msgspec.json.encode([options.query_fields, options.document_fields])
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"options of requests: {error}; correct its type") from None
    counts = (("batch_size", batch_size, None), ("concurrency", options.concurrency, _MOST_CONCURRENT))
    for name, count, most in counts:
        if not isinstance(count, int) or count < 1:
            raise UsageError(f"{name} must be 1 or more, not {count!r}")
        if most is not None and count > most:
            raise UsageError(f"{name} must be {most} or less, not {count!r}")
    for name in ("requests_per_minute", "texts_per_minute", "timeout"):
        value = getattr(options, name)
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"{name} must be more than 0, not {value}")
    if options.timeout > _WEEK:
        raise UsageError(f"timeout must be a week ({_WEEK:,} s) or less, not {options.timeout:g}")
    if options.retries < 0:
        raise UsageError(f"retries must be 0 or more, not {options.retries}")
    for name in ("query_fields", "document_fields"):
        if reserved := [field for field in _OWN_FIELDS if field in getattr(options, name)]:
            raise UsageError(f"{name} cannot set {', '.join(reserved)}, which clinometer sets; leave it out")


def _check_unrecorded(key: str, recorded: dict[str, Any]) -> None:
    """Refuse a key that is also in something recorded. A short one, such as `none` or `ollama`, is not a secret."""
    if len(key) < _SHORTEST_SECRET:
        return
    for name, value in recorded.items():
        if key in (value if isinstance(value, str) else msgspec.json.encode(value).decode()):
            raise UsageError(f"{name} has the API key in it, and would be recorded; remove it there")
