"""Any sentence-transformers model as an encoder, with the prompts in use in its record.

Prompts follow one rule: the caller's, else the model's own, else none. A known family without its prompt gets a
warning, never a prompt.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from clinometer.encoders.base import EncoderRecord
from clinometer.encoders.families import missing_prompts
from clinometer.encoders.loading import load_model
from clinometer.encoders.revisions import folder_digest, hub_commit, snapshot, weights_digest
from clinometer.encoders.tasks import tasks_of
from clinometer.encoders.texts import check_texts
from clinometer.errors import EncoderError, UsageError, first_line
from clinometer.progress import drawn, progress

__all__ = ["SentenceTransformerEncoder", "configured_similarity", "own_dimension", "own_prompts"]

# Names under which models store their prompts, in order of preference: the last of queries are those of
# intfloat/e5-mistral-7b-instruct and of NovaSearch/stella_en_1.5B_v5.
_QUERY_KEYS = ("query", "search_query", "retrieval.query", "web_search_query", "s2p_query")
_DOCUMENT_KEYS = ("document", "passage", "corpus", "search_document", "retrieval.passage")
_NO_LIMIT = 10**9  # tokenizers write an absent limit as infinity or as 10**30
_COUNTED_AT_ONCE = 1024


class SentenceTransformerEncoder:
    """Encodes with a sentence-transformers model: a name, a folder or an object.

    The prompt in use is `query_prompt` or `document_prompt` if set, else the model's own (the first non-empty of
    `query`, `search_query`, `retrieval.query`, `web_search_query`, `s2p_query`, and of `document`, `passage`, `corpus`,
    `search_document`, `retrieval.passage`), else none. An empty string means that no prompt is intended. A model whose
    name shows that it needs a prompt, with none in use, gets a line in `record.warnings` and one `UserWarning`.

    A model with other weights for each task, such as jina-embeddings-v3 and v4, computes those of retrieval; the tasks
    are in `record.settings`.

    Texts are batched by length, so the last bits of a row may depend on the other texts; rows are in the order of the
    texts. The same list gives the same bytes on the same machine. Verbatim duplicates in one call are encoded once, so
    that they tie.

    The model truncates texts longer than `max_length` tokens, including prompt and special tokens; their number is in
    `record.warnings` after encoding.

    Args:
        model: Name of a model on the hub, a folder, or a SentenceTransformer object, which is used unchanged.
        query_prompt: Text put before each query.
        document_prompt: Text put before each document.
        batch_size: Texts in one forward pass.
        max_length: Longest input in tokens; the model's own if None.
        precision: `bfloat16` computes matrix products in that type (autocast), about twice as fast if the processor
            supports it in hardware, with embeddings that differ in the third digit; None keeps the model's type.
        device: Device such as `cpu` or `cuda:0`; chosen by sentence-transformers if None. For a name or a folder only.
        revision: Model revision (branch, tag or commit). For a name only.
        trust_remote_code: Run Python code that comes with the model. For a name or a folder only.
        query_task: Task of queries, for a model that has tasks; by default its own for retrieval.
        document_task: Task of documents, likewise.

    Raises:
        MissingExtraError: The extra `models` is not installed.
        UsageError: An option has no effect here or is out of range.
        EncoderError: The model cannot be loaded.

    Example:
        >>> encoder = SentenceTransformerEncoder("intfloat/multilingual-e5-base", query_prompt="query: ",
        ...                                      document_prompt="passage: ")  # doctest: +SKIP
        >>> encoder.encode_queries(["Wo liegt Mainz?"]).shape  # doctest: +SKIP
        (1, 768)
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Any,
        *,
        query_prompt: str | None = None,
        document_prompt: str | None = None,
        batch_size: int = 32,
        max_length: int | None = None,
        precision: str | None = None,
        device: str | None = None,
        revision: str | None = None,
        trust_remote_code: bool = False,
        query_task: str | None = None,
        document_task: str | None = None,
    ) -> None:
        if precision not in (None, "bfloat16"):
            raise UsageError(f"unknown precision {precision!r} for encoding; use bfloat16 or leave it out")
        for option, value in (("batch_size", batch_size), ("max_length", max_length)):
            if value is not None and value < 1:
                raise UsageError(f"{option} must be 1 or more, not {value}")
        notes: list[str] = []
        if isinstance(model, (str, os.PathLike)):
            name, labels, self._model, weights_revision = _load(os.fspath(model), device, revision, trust_remote_code)
            if not getattr(self._model, "module_kwargs", True):
                notes.append(
                    f"{name} has no pooling, so sentence-transformers chose one; check that it is an embedding model"
                )
        else:
            _refuse_for_objects(device=device, revision=revision, trust_remote_code=trust_remote_code or None)
            self._model, name = model, _object_name(model)
            labels, weights_revision = [name], weights_digest(model)
        self._batch_size, self._max_length, self._precision = batch_size, max_length, precision
        self._texts, self._cut = {"queries": 0, "documents": 0}, {"queries": 0, "documents": 0}
        self._prompts = {
            "queries": _own_prompt(self._model, _QUERY_KEYS) if query_prompt is None else query_prompt,
            "documents": _own_prompt(self._model, _DOCUMENT_KEYS) if document_prompt is None else document_prompt,
        }
        tasks = tasks_of(name, self._model, query_task, document_task)
        self._tasks = {"queries": tasks.queries, "documents": tasks.documents}
        self._dimension = own_dimension(self._model) or self._probe()
        self._record = EncoderRecord(
            name=name,
            kind="sentence-transformers",
            revision=weights_revision,
            dimension=self._dimension,
            query_prompt=self._prompts["queries"],
            document_prompt=self._prompts["documents"],
            max_length=max_length or _limit(self._model),
            dtype=precision or str(getattr(self._model, "dtype", None) or "float32").removeprefix("torch."),
            normalized=_normalizes(self._model),
            similarity=_similarity(self._model),
            warnings=[
                *notes,
                *missing_prompts(name, labels, self._prompts, query_prompt, document_prompt),
                *tasks.warnings,
            ],
            settings=dict(tasks.settings),
        )
        self._record.warnings.extend(_other_similarity(self._record, self._model))
        for warning in self._record.warnings:
            warnings.warn(warning, UserWarning, stacklevel=2)

    @property
    def record(self) -> EncoderRecord:
        """Record of the encoder. Its warnings grow when texts are truncated; the rest never changes."""
        limit = self._record.max_length
        cut_warnings = [
            f"{self._cut[stage]} of {self._texts[stage]} {stage} so far were cut: longer than {limit} tokens"
            for stage in self._cut
            if self._cut[stage]
        ]
        if limit and not callable(getattr(self._model, "tokenizer", None)):
            cut_warnings.append(
                f"texts longer than {limit} tokens are cut; their number is unknown, as this model has no tokenizer"
            )
        return msgspec.structs.replace(self._record, warnings=[*self._record.warnings, *cut_warnings])

    def recounted(self) -> Self:
        """The same model, whose warnings count texts from 0 again."""
        encoder = copy(self)
        encoder._texts, encoder._cut = {"queries": 0, "documents": 0}, {"queries": 0, "documents": 0}
        return encoder

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        """`(len(texts), dimension)` float32, row i for text i, with the query prompt in use.

        Raises:
            EncoderError: The model fails, or does not return one row per text.
        """
        return self._encode(texts, "queries", show_progress_bar)

    def encode_documents(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        """`(len(texts), dimension)` float32, row i for text i, with the document prompt in use.

        Raises:
            EncoderError: The model fails, or does not return one row per text.
        """
        return self._encode(texts, "documents", show_progress_bar)

    def _encode(self, texts: Sequence[str], stage: str, show_progress_bar: bool) -> NDArray[np.float32]:
        check_texts(texts, stage)
        if not len(texts):
            return np.empty((0, self._dimension), dtype=np.float32)
        row_of_text = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        rows = self._forward(list(row_of_text), stage, show_progress_bar)
        if rows.shape != (len(row_of_text), self._dimension):
            raise EncoderError(
                f"{self._record.name} returned embeddings of shape {rows.shape} for {len(row_of_text)} {stage}, "
                f"not {(len(row_of_text), self._dimension)}; only models with one dense vector per text can be used"
            )
        self._count(texts, stage)
        return rows if len(row_of_text) == len(texts) else rows[[row_of_text[text] for text in texts]]

    def _forward(self, texts: list[str], stage: str, show_progress_bar: bool) -> NDArray[np.float32]:
        encode_side = getattr(self._model, "encode_query" if stage == "queries" else "encode_document", None)
        task = {"task": self._tasks[stage]} if self._tasks[stage] else {}
        if task:
            encode_side = None  # it would name the side as the task
        with _limited(self._model, self._max_length), _computing(self._model, self._precision):
            try:
                # The library's bar can only be redrawn.
                with progress(len(texts), stage, "texts", shown=show_progress_bar and not drawn()) as bar:
                    rows = (encode_side or self._model.encode)(
                        texts,
                        prompt=self._prompts[stage],
                        batch_size=self._batch_size,
                        show_progress_bar=show_progress_bar and drawn(),
                        convert_to_numpy=True,
                        normalize_embeddings=False,
                        **task,
                    )
                    bar.update(len(texts))
                return np.ascontiguousarray(rows, dtype=np.float32)
            except (RuntimeError, ValueError, TypeError, LookupError) as error:
                raise EncoderError(
                    f"the model failed on the {stage} ({first_line(error)}); if memory ran out lower batch_size, if an "
                    "index is out of range lower max_length"
                ) from error

    def _probe(self) -> int:
        shape = self._forward(["a"], "queries", False).shape
        if len(shape) != 2:
            raise EncoderError(
                f"the model returned shape {shape} for one text; only models with one dense vector per text can be used"
            )
        return int(shape[1])

    def _count(self, texts: Sequence[str], stage: str) -> None:
        tokenizer, limit = getattr(self._model, "tokenizer", None), self._record.max_length
        self._texts[stage] += len(texts)
        if limit is None or not callable(tokenizer):
            return
        for start in range(0, len(texts), _COUNTED_AT_ONCE):
            batch = [self._prompts[stage] + text for text in texts[start : start + _COUNTED_AT_ONCE]]
            tokens = tokenizer(batch, truncation=False, padding=False, verbose=False)["input_ids"]
            self._cut[stage] += sum(len(ids) > limit for ids in tokens)


def _load(
    name: str, device: str | None, revision: str | None, trust_remote_code: bool
) -> tuple[str, list[str], Any, str]:
    """Name for results, names for the family, the model, and its revision."""
    model, folder = load_model(name, device=device, revision=revision, trust_remote_code=trust_remote_code)
    if folder is None:
        return name, [name], model, hub_commit(name, revision)
    absolute = folder.absolute() if ".." not in folder.parts and folder.name else folder.resolve()
    result_name, commit = snapshot(absolute) or (absolute.name, folder_digest(folder))
    return result_name, [result_name, absolute.parent.name, _configured_name(model)], model, commit


def _refuse_for_objects(**options: object) -> None:
    for option, value in options.items():
        if value is not None:
            raise UsageError(
                f"{option} is for a model name or folder; a model object is used unchanged, so leave it out"
            )


def _configured_name(model: Any) -> str:
    return str(getattr(getattr(model, "config", None), "_name_or_path", "") or "")


def _object_name(model: Any) -> str:
    name = _configured_name(model)
    path = Path(name)
    if path.is_absolute() or path.exists():
        hub_snapshot = snapshot(path)
        return hub_snapshot[0] if hub_snapshot else path.name
    return name or type(model).__name__


def own_prompts(model: Any) -> tuple[str, str]:
    """The prompts of queries and documents that a model brings, empty for none."""
    return _own_prompt(model, _QUERY_KEYS), _own_prompt(model, _DOCUMENT_KEYS)


def _own_prompt(model: Any, keys: Sequence[str]) -> str:
    # Loading sets `document` to "" if a config only has `passage`; the first key alone would hide that prompt.
    prompts = getattr(model, "prompts", None) or {}
    return next((str(prompts[key]) for key in keys if prompts.get(key)), "")


def _similarity(model: Any) -> str:
    """The similarity that the model is made for, if a scan can compute it."""
    similarity = configured_similarity(model)
    return similarity if similarity in ("cosine", "dot") else ""


def configured_similarity(model: Any) -> str:
    """The name of the similarity that a model, or a description of one, states; `cosine` if it states none."""
    similarity = getattr(model, "similarity_fn_name", None) or "cosine"
    return str(getattr(similarity, "value", similarity))


def _other_similarity(record: EncoderRecord, model: Any) -> list[str]:
    if record.similarity:
        return []
    return [f"{record.name} is configured for {configured_similarity(model)} scores; clinometer scores it by cosine"]


def own_dimension(model: Any) -> int:
    """The length of a model's embeddings, 0 if it does not say."""
    for name in ("get_embedding_dimension", "get_sentence_embedding_dimension"):
        method = getattr(model, name, None)
        if callable(method):
            return int(method() or 0)
    return 0


def _limit(model: Any) -> int | None:
    length = getattr(model, "max_seq_length", None)
    return int(length) if length is not None and length < _NO_LIMIT else None


def _normalizes(model: Any) -> bool:
    modules = list(model.children()) if callable(getattr(model, "children", None)) else []
    return bool(modules) and type(modules[-1]).__name__ == "Normalize"


@contextmanager
def _limited(model: Any, max_length: int | None) -> Iterator[None]:
    """Set the limit for one call only, so that a caller's own object is unchanged afterwards."""
    if max_length is None:
        yield
        return
    before = model.max_seq_length
    model.max_seq_length = max_length
    try:
        yield
    finally:
        model.max_seq_length = before


@contextmanager
def _computing(model: Any, precision: str | None) -> Iterator[None]:
    """Compute matrix products in a lower precision for one call."""
    if precision is None:
        yield
        return
    import torch

    with torch.autocast(torch.device(model.device).type, dtype=torch.bfloat16):
        yield
