"""Encoders of clinometer as models of mteb and the reverse, and the prompts that mteb puts before texts.

mteb and clinometer choose prompts by rules of their own: mteb has some in its registry of models, and gives instruction
models the instruction of the task. With the same encoder on both sides the figures are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.encoders import Encoder, EncoderRecord, require_embeddings, wants_languages
from clinometer.encoders.sentence_transformer import configured_similarity, own_prompts
from clinometer.encoders.similarity import similarity_of
from clinometer.encoders.texts import check_texts
from clinometer.errors import EncoderError, MissingExtraError, UsageError, first_line

try:
    import mteb  # noqa: F401 - for the error message
except ImportError:
    raise MissingExtraError("clinometer.integrations.mteb.models", "mteb") from None
from mteb.models.model_meta import ModelMeta
from mteb.types import PromptType

__all__ = ["encoder_of_mteb", "model_for_mteb", "prompt_notice", "prompts_in_mteb"]

# In which order sentence-transformers looks for a prompt of documents when it is given none.
_HOST_KEYS = {"query": ("query",), "document": ("document", "passage", "corpus")}


def model_for_mteb(encoder: Encoder) -> Any:
    """An encoder of clinometer as a model for `mteb.evaluate`, with the prompts in its record.

    Texts are scored as `clinometer.evaluate` scores them: by cosine, or by dot product if the encoder is made for it.
    In mteb's results the model is called `clinometer/NAME`, so that they are not taken for those of mteb's own model of
    that name.

    Args:
        encoder: What `clinometer.encoder` returns, or any object with its methods.

    Raises:
        UsageError: The encoder returns scores only or packed bits, or needs the languages of the texts, which mteb does
            not pass.

    Example:
        ::

            model = model_for_mteb(cm.encoder("intfloat/multilingual-e5-small", query_prompt="query: ",
                                              document_prompt="passage: "))
            mteb.evaluate(model, xquad_task("data/xquad", languages=["en", "de"]), cache=None)
    """
    require_embeddings(encoder)
    if wants_languages(encoder):
        raise UsageError(
            f"{encoder.record.name} needs the language of each text, which mteb does not pass; evaluate it with "
            "clinometer"
        )
    if similarity_of([encoder.record]) == "hamming":
        raise UsageError(
            f"{encoder.record.name} returns packed bits, which mteb cannot score; evaluate with clinometer"
        )
    return _Model(encoder)


class _Model:
    """The protocol of mteb's encoders around an encoder of clinometer."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        record = encoder.record
        self._scale = _unit if similarity_of([record]) == "cosine" else _matrix
        self.mteb_model_meta = ModelMeta.create_empty(
            {"name": f"clinometer/{record.name.rpartition('/')[2]}", "revision": record.revision or "unknown"}
        )

    def encode(self, inputs: Any, *, prompt_type: PromptType | None = None, **_: Any) -> NDArray[np.float32]:
        """Embeddings of the texts of all batches; what is not a query is a document."""
        texts = [text for batch in inputs for text in batch["text"]]
        if prompt_type == PromptType.query:
            return self._encoder.encode_queries(texts)
        return self._encoder.encode_documents(texts)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Scores of all pairs of rows, as a tensor."""
        return _tensor(self._scale(embeddings1) @ self._scale(embeddings2).T)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Scores of the rows at the same places, as a tensor."""
        return _tensor((self._scale(embeddings1) * self._scale(embeddings2)).sum(axis=-1))


def _matrix(rows: Any) -> NDArray[np.float32]:
    return np.atleast_2d(np.asarray(rows, dtype=np.float32))


def _unit(rows: Any) -> NDArray[np.float32]:
    vectors = _matrix(rows)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), dtype=np.float32)


def _tensor(values: NDArray[np.float32]) -> Any:
    import torch

    return torch.from_numpy(np.ascontiguousarray(values))


def encoder_of_mteb(model: Any, task: Any, *, batch_size: int = 32) -> Encoder:
    """A model of mteb as an encoder of clinometer: the embeddings are those that mteb computes for this task.

    Args:
        model: What `mteb.get_model` returns, or a SentenceTransformer, which mteb wraps.
        task: A task of mteb; models choose their prompts by its name, type and instruction.
        batch_size: Texts in a batch.

    Raises:
        UsageError: Not a model of mteb that encodes.

    Example:
        ::

            task = xquad_task("data/xquad", languages=["en", "de"])
            encoder = encoder_of_mteb(mteb.get_model("intfloat/multilingual-e5-small"), task)
            cm.evaluate("xquad:data/xquad", encoder, languages=["en", "de"])
    """
    return _EncoderOfMteb(_wrapped(model), task.metadata, batch_size)


class _EncoderOfMteb:
    """The protocol of clinometer's encoders around a model of mteb."""

    def __init__(self, model: Any, metadata: Any, batch_size: int) -> None:
        if not callable(getattr(model, "encode", None)):
            raise UsageError(
                f"{type(model).__name__} does not encode texts; give what mteb.get_model returns, or a "
                "SentenceTransformer"
            )
        self._model, self._metadata, self._batch_size = model, metadata, batch_size
        meta = getattr(model, "mteb_model_meta", None)
        query_prompt, document_prompt = prompts_in_mteb(model, metadata) or ("", "")
        self._record = EncoderRecord(
            name=str(getattr(meta, "name", None) or type(model).__name__),
            kind="mteb",
            revision=str(getattr(meta, "revision", None) or ""),
            dimension=int(self._rows(["a"], PromptType.query).shape[1]),
            query_prompt=query_prompt,
            document_prompt=document_prompt,
            similarity="dot" if configured_similarity(meta) == "dot" else "",
            settings={"task": str(metadata.name)},
        )

    @property
    def record(self) -> EncoderRecord:
        """Record of the encoder; empty prompts may also be prompts that mteb does not show."""
        return self._record

    def encode_queries(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        """`(len(texts), dimension)` float32, encoded as mteb's queries."""
        check_texts(texts, "queries")
        return self._rows(texts, PromptType.query, show_progress_bar)

    def encode_documents(self, texts: Sequence[str], *, show_progress_bar: bool = False) -> NDArray[np.float32]:
        """`(len(texts), dimension)` float32, encoded as mteb's documents."""
        check_texts(texts, "documents")
        return self._rows(texts, PromptType.document, show_progress_bar)

    def _rows(self, texts: Sequence[str], side: PromptType, show_progress_bar: bool = False) -> NDArray[np.float32]:
        from datasets import Dataset
        from torch.utils.data import DataLoader

        if not len(texts):
            return np.empty((0, self._record.dimension), dtype=np.float32)
        # mteb strips texts; equal ones are encoded once, so that they tie.
        row_of_text = {text: row for row, text in enumerate(dict.fromkeys(text.strip() for text in texts))}
        loader: Any = DataLoader(Dataset.from_dict({"text": list(row_of_text)}), batch_size=self._batch_size)  # type: ignore[arg-type, unused-ignore]
        try:
            rows = self._model.encode(
                loader, task_metadata=self._metadata, hf_split="test", hf_subset="default", prompt_type=side,
                batch_size=self._batch_size, show_progress_bar=show_progress_bar,
            )  # fmt: skip
        except (RuntimeError, ValueError, TypeError, LookupError) as error:
            raise EncoderError(f"the model of mteb failed on the texts ({first_line(error)})") from error
        vectors = np.asarray(rows, dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != len(row_of_text):
            raise EncoderError(
                f"the model of mteb returned shape {vectors.shape} for {len(row_of_text)} texts; only models with one "
                "dense vector per text can be used"
            )
        return np.ascontiguousarray(vectors[[row_of_text[text.strip()] for text in texts]])


def prompts_in_mteb(model: Any, metadata: Any) -> tuple[str, str] | None:
    """The texts that mteb puts before queries and documents, None if the model does not show them.

    Args:
        model: A model of mteb, or a SentenceTransformer.
        metadata: `task.metadata` of a task.
    """
    if isinstance(model, _Model):
        record = model._encoder.record
        return record.query_prompt, record.document_prompt
    model = _wrapped(model)
    sides = (PromptType.query, PromptType.document)
    if callable(getattr(model, "get_task_instruction", None)) and hasattr(model, "apply_instruction_to_passages"):
        query = model.get_task_instruction(metadata, PromptType.query)
        document = model.get_task_instruction(metadata, PromptType.document)
        return str(query or ""), str(document or "") if model.apply_instruction_to_passages else ""
    if type(model).__name__ != "SentenceTransformerEncoderWrapper":
        return None
    query, document = (_host_prompt(model, metadata, side) for side in sides)
    return query, document


def _host_prompt(model: Any, metadata: Any, side: PromptType) -> str:
    """The prompt that mteb chooses by name, else the one that sentence-transformers then chooses itself."""
    chosen = (model.model_prompts or {}).get(model.get_prompt_name(metadata, side))
    if chosen is not None:
        return str(chosen)
    prompts = getattr(model.model, "prompts", None) or {}
    return next((str(prompts[key] or "") for key in _HOST_KEYS[side.value] if key in prompts), "")


def prompt_notice(model: Any, metadata: Any) -> str | None:
    """A sentence if mteb's prompts are not, or may not be, those that clinometer uses for the same model.

    Args:
        model: A model of mteb, or a SentenceTransformer.
        metadata: `task.metadata` of a task.
    """
    if isinstance(model, _Model | _EncoderOfMteb):
        return None
    model = _wrapped(model)
    meta = getattr(model, "mteb_model_meta", None)
    name = getattr(meta, "name", None) or type(model).__name__
    same = "for the same figures use model_for_mteb(encoder) in mteb, or encoder_of_mteb(model, task) in clinometer"
    prompts = prompts_in_mteb(model, metadata)
    if prompts is None:
        return None if not hasattr(model, "model") else f"mteb does not show its prompts for {name}; {same}"
    own = own_prompts(getattr(model, "model", None))
    # The registry's prompts take the place of those in the model's files, which clinometer reads.
    registered = bool((getattr(meta, "loader_kwargs", None) or {}).get("model_prompts"))
    if prompts == own and not registered:
        return None
    query, document = prompts
    return (
        f"mteb encodes {name} with {query!r} before queries and {document!r} before documents, clinometer with the "
        f"prompts in the model's files unless query_prompt and document_prompt are given; {same}"
    )


def _wrapped(model: Any) -> Any:
    """A SentenceTransformer as `mteb.evaluate` takes it."""
    from mteb.models import SentenceTransformerEncoderWrapper
    from sentence_transformers import SentenceTransformer

    return SentenceTransformerEncoderWrapper(model) if isinstance(model, SentenceTransformer) else model
