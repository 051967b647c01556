"""A model behind an address that speaks OpenAI's embeddings protocol, such as vLLM, TEI, llama.cpp, Ollama or OpenAI.

Prompts are put before the texts here, and recorded; what the server does besides (pooling, truncation) it alone knows.
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

from clinometer.encoders.answers import rows_of
from clinometer.encoders.base import EncoderRecord
from clinometer.encoders.endpoint import LOOPBACK, Endpoint, Pace, checked_address
from clinometer.encoders.families import missing_prompts
from clinometer.encoders.finished import Finished, Origin
from clinometer.encoders.texts import check_texts
from clinometer.errors import EncoderError, UsageError

__all__ = ["HttpEncoder", "HttpOptions"]

_OWN_FIELDS = ("input", "model", "encoding_format")


class HttpOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """How a server is asked.

    Args:
        concurrency: Requests under way at once.
        requests_per_minute: At most so many, retries included; None for no limit.
        texts_per_minute: The same for texts.
        timeout: Seconds without a sign of the server after which a request is given up.
        retries: How often a request that failed is tried again.
        encoding_format: `float` or `base64`; the latter is shorter and exact, and not known to every server.
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
    """Encodes by asking a server for embeddings.

    One short text is sent when the encoder is made, so that a wrong address, key or model is found before the work, and
    the dimension is known; not if a cache knows it. Texts that come several times in a call are sent once, so that they
    tie.

    Without `api_key` the key is that of the environment variable `CLINOMETER_API_KEY`, or for addresses of
    `openai.com`, and for no other, `OPENAI_API_KEY`. It is never stored, shown or recorded.

    Args:
        address: Such as `http://localhost:8000/v1`; `/embeddings` is put after it.
        model: The server's name of the model.
        api_key: The key; `""` for none.
        query_prompt: Text put before each query; None and `""` for none.
        document_prompt: The same for documents.
        batch_size: Texts of one request.
        cache: Folder in which finished batches are kept, so that a run that stopped goes on and a text is never paid
            for twice; None for none.
        options: How the server is asked.

    Raises:
        UsageError: The address or an option cannot be used.
        EncoderError: The server refuses or does not answer.

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
        address = checked_address(address)
        if not model:
            raise UsageError("the model's name is empty; give the name by which the server knows it")
        _check(options, batch_size)
        key = _key(urlsplit(address).hostname or "") if api_key is None else api_key
        if any(not 33 <= ord(letter) <= 126 for letter in key):
            raise UsageError("the API key has white space or a letter that is not ASCII; set it again")
        self._endpoint = Endpoint(
            f"{address}/embeddings",
            key or None,
            options.timeout,
            options.retries,
            Pace(options.requests_per_minute, options.texts_per_minute),
        )
        self._model, self._batch_size = model, batch_size
        self._prompts = {"queries": query_prompt or "", "documents": document_prompt or ""}
        self._fields = {"queries": options.query_fields, "documents": options.document_fields}
        origin = Origin(endpoint=address, model=model, encoding_format=options.encoding_format)
        self._finished = None if cache is None else Finished(Path(cache), origin)
        self._origin = origin if self._finished is None else self._finished.origin
        if not self._origin.dimension:
            self._ask("queries", [self._prompts["queries"] + "a"])
        notes = missing_prompts(model, [model], self._prompts, query_prompt, document_prompt)
        if key and address.startswith("http:") and urlsplit(address).hostname not in LOOPBACK:
            notes.append(f"{address} is not encrypted, so the API key can be read on its way; use https")
        self._record = EncoderRecord(
            name=model,
            kind="http",
            revision=self._origin.served,
            dimension=self._origin.dimension,
            query_prompt=self._prompts["queries"],
            document_prompt=self._prompts["documents"],
            warnings=notes,
            settings={
                "endpoint": address,
                "encoding_format": options.encoding_format,
                "query_fields": options.query_fields,
                "document_fields": options.document_fields,
            },
        )

    @property
    def record(self) -> EncoderRecord:
        """How this encoder encodes. The revision is what the server calls its model; more of it is not known."""
        return self._record

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        """`(len(texts), dimension)` float32, row i for text i, with the query prompt.

        Raises:
            EncoderError: The server refuses, does not answer, or answers with something else than one vector per text.
        """
        return self._encode(texts, "queries", show_progress_bar)

    def encode_documents(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        """`(len(texts), dimension)` float32, row i for text i, with the document prompt.

        Raises:
            EncoderError: As for `encode_queries`.
        """
        return self._encode(texts, "documents", show_progress_bar)

    def _encode(self, texts: Sequence[str], stage: str, show_progress_bar: bool) -> NDArray[np.float32]:
        from tqdm.auto import tqdm

        check_texts(texts, stage)
        place = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        inputs = [self._prompts[stage] + text for text in place]
        rows = np.empty((len(inputs), self._origin.dimension), dtype=np.float32)
        digests = [] if self._finished is None else [self._digest(stage, text) for text in inputs]
        missing = list(range(len(inputs))) if self._finished is None else self._finished.fill(rows, digests)
        batches = [missing[start : start + self._batch_size] for start in range(0, len(missing), self._batch_size)]

        def ask(batch: list[int]) -> NDArray[np.float32]:
            try:
                return self._ask(stage, [inputs[at] for at in batch])
            except EncoderError as error:
                first = next(row for row, text in enumerate(texts) if place[text] == batch[0])
                raise EncoderError(f"{stage}, {len(batch)} texts from row {first}: {error}") from None

        done = len(inputs) - len(missing)
        with tqdm(total=len(inputs), initial=done, desc=stage, unit="text", disable=not show_progress_bar) as bar:
            for batch, found in self._answered(ask, batches):
                rows[batch] = found
                if self._finished is not None:
                    self._finished.keep([digests[at] for at in batch], found)
                bar.update(len(batch))
        return rows if len(place) == len(texts) else rows[[place[text] for text in texts]]

    def _answered(
        self, ask: Callable[[list[int]], NDArray[np.float32]], batches: Sequence[list[int]]
    ) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """The batches with their embeddings as they come; what came before a failure is given before it is raised."""
        if self._options.concurrency == 1:
            yield from ((batch, ask(batch)) for batch in batches)
            return
        waiting = iter(batches)
        failure: BaseException | None = None
        self._endpoint.start()
        with ThreadPoolExecutor(self._options.concurrency) as pool:
            under_way: dict[Future[NDArray[np.float32]], list[int]] = {}
            try:
                while True:
                    while failure is None and len(under_way) < self._options.concurrency:
                        if (batch := next(waiting, None)) is None:
                            break
                        under_way[pool.submit(ask, batch)] = batch
                    if not under_way:
                        break
                    for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                        batch = under_way.pop(future)
                        if (error := future.exception()) is None:
                            yield batch, future.result()
                        elif failure is None:
                            failure = error
                            self._endpoint.stop()
            except BaseException:
                self._endpoint.stop()
                raise
            finally:
                for future in under_way:
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
        rows, served = rows_of(self._endpoint.post(body, len(inputs)), len(inputs), self._endpoint.url)
        known = self._origin
        if not known.dimension:
            self._origin = msgspec.structs.replace(known, served=served, dimension=rows.shape[1])
            if self._finished is not None:
                self._finished.meet(self._origin)
        elif (served, rows.shape[1]) != (known.served, known.dimension):
            raise EncoderError(
                f"{self._endpoint.url} gives {rows.shape[1]} dimensions of {served!r}, but gave {known.dimension} of "
                f"{known.served!r} before; encode everything with one model, and with a cache of its own"
            )
        return rows

    def _digest(self, stage: str, text: str) -> str:
        fields = msgspec.json.encode(self._fields[stage], order="sorted")
        return hashlib.sha256(fields + b"\0" + text.encode()).hexdigest()


def _key(host: str) -> str:
    own = os.environ.get("CLINOMETER_API_KEY")
    if own is None and (host == "openai.com" or host.endswith(".openai.com")):
        own = os.environ.get("OPENAI_API_KEY")
    return own or ""


def _check(options: HttpOptions, batch_size: int) -> None:
    for name, least in (("batch_size", batch_size), ("concurrency", options.concurrency)):
        if least < 1:
            raise UsageError(f"{name} must be 1 or more, not {least}")
    for name in ("requests_per_minute", "texts_per_minute", "timeout"):
        value = getattr(options, name)
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"{name} must be more than 0, not {value}")
    if options.retries < 0:
        raise UsageError(f"retries must be 0 or more, not {options.retries}")
    for name in ("query_fields", "document_fields"):
        if taken := [field for field in _OWN_FIELDS if field in getattr(options, name)]:
            raise UsageError(f"{name} cannot set {', '.join(taken)}, which clinometer sets; leave it out")
