"""The states of an encoder's lower layers, computed once, so that many trainings of its upper layers fit on two cores.

A model whose lower layers are frozen gives every text the same states below, in every training; what is trained, and
what is evaluated afterwards, is the upper layers alone. States are kept in parts on disk, as 16-bit floats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from clinometer.files import written_whole
from studies.sources import MODEL

LAYER = 8
PART = 512
TOKENS = 8192  # in a batch


@dataclass(frozen=True)
class States:
    """The states of texts below the trained layers: in each part one text after the other."""

    parts: list[Any]
    lengths: Any
    embeddings: Any

    @cached_property
    def _part_lengths(self) -> list[Any]:
        return [self.lengths[start : start + PART] for start in range(0, len(self.lengths), PART)]

    def of(self, text: int) -> Any:
        """The states of one text, `(tokens, d)`."""
        part, place = divmod(text, PART)
        start = int(self._part_lengths[part][:place].sum())
        return self.parts[part][start : start + int(self.lengths[text])]

    def padded(self, texts: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The states of some texts, `(n, longest, d)`, and the mask of their tokens."""
        longest = max(int(self.lengths[text]) for text in texts)
        states = np.zeros((len(texts), longest, self.parts[0].shape[1]), np.float16)
        mask = np.zeros((len(texts), longest), bool)
        for row, text in enumerate(texts):
            states[row, : self.lengths[text]] = self.of(text)
            mask[row, : self.lengths[text]] = True
        return torch.from_numpy(states), torch.from_numpy(mask)


def batches(lengths: Any, texts: Sequence[int] | None = None, tokens: int = TOKENS) -> Iterator[list[int]]:
    """Texts of similar length together, so that little is padded."""
    chosen = np.arange(len(lengths)) if texts is None else np.asarray(texts)
    batch: list[int] = []
    for text in chosen[np.argsort(lengths[chosen], kind="stable")]:
        if batch and (len(batch) + 1) * int(lengths[text]) > tokens:
            yield batch
            batch = []
        batch.append(int(text))
    if batch:
        yield batch


class Upper(nn.Module):  # type: ignore[misc, unused-ignore]
    """The upper layers of the transformer of a model, and its mean pooling: states in, raw embeddings out."""

    def __init__(self, model: Any, layer: int = LAYER) -> None:
        super().__init__()
        self.layers = nn.ModuleList(list(model[0].auto_model.encoder.layer[layer:]))

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        wide = mask[:, None, None, :]
        for layer in self.layers:
            states = layer(states, wide)
            states = states[0] if isinstance(states, tuple) else states
        weights = mask[:, :, None].float()
        return (states.float() * weights).sum(1) / weights.sum(1)

    @torch.inference_mode()  # type: ignore[misc, unused-ignore]
    def embed(self, states: States, title: str = "") -> Any:
        """Embeddings of all texts, raw, as float32."""
        self.eval()
        rows = np.empty((len(states.lengths), states.embeddings.shape[1]), np.float32)
        for batch in tqdm(list(batches(states.lengths)), desc=title, mininterval=20):
            padded, mask = states.padded(batch)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                rows[batch] = self(padded.float(), mask).float().numpy()
        return rows


def blended(before: Mapping[str, Any], after: Mapping[str, Any], share: float) -> dict[str, Any]:
    """Weights that have gone a share of the way from those before a training to those after it."""
    return {key: value + share * (after[key] - value) for key, value in before.items()}


def model() -> Any:
    """The untrained encoder."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(MODEL), device="cpu")


def states_of(
    name: str, texts: Sequence[str], prompt: str, work: Path, *, max_length: int = 512, layer: int = LAYER
) -> States:
    """States and frozen embeddings of texts, made part by part unless they are on disk."""
    folder = work / "states" / name
    folder.mkdir(parents=True, exist_ok=True)
    loaded: Any = None
    lengths, parts, embeddings = [], [], []
    for start in tqdm(range(0, len(texts), PART), desc=f"states of {name}", mininterval=20):
        paths = {kind: folder / f"{start:06}-{kind}.npy" for kind in ("states", "embeddings", "lengths")}
        if not paths["lengths"].exists():
            loaded = loaded or model()
            arrays = _computed(loaded, [prompt + text for text in texts[start : start + PART]], max_length, layer)
            for kind, path in paths.items():
                with written_whole(path) as file:
                    np.save(file, arrays[kind])
        lengths.append(np.load(paths["lengths"]))
        embeddings.append(np.load(paths["embeddings"]))
        parts.append(np.load(paths["states"], mmap_mode="r"))
    states = States(parts, np.concatenate(lengths), np.concatenate(embeddings))
    if len(states.lengths) != len(texts):
        raise SystemExit(f"{folder} holds {len(states.lengths)} texts, not {len(texts)}; remove it")
    return states


@torch.inference_mode()  # type: ignore[misc, unused-ignore]
def _computed(model: Any, texts: list[str], max_length: int, layer: int) -> dict[str, Any]:
    transformer = model[0].auto_model.eval()
    ids = model.tokenizer(texts, truncation=True, max_length=max_length)["input_ids"]
    lengths = np.array([len(one) for one in ids])
    states: list[Any] = [None] * len(texts)
    embeddings = np.empty((len(texts), transformer.config.hidden_size), np.float32)
    upper = Upper(model, layer)
    for batch in batches(lengths):
        longest = max(int(lengths[text]) for text in batch)
        padded = torch.full((len(batch), longest), model.tokenizer.pad_token_id)
        for row, text in enumerate(batch):
            padded[row, : lengths[text]] = torch.tensor(ids[text])
        mask = torch.arange(longest)[None, :] < torch.from_numpy(lengths[batch])[:, None]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = transformer.embeddings(padded)
            for one in transformer.encoder.layer[:layer]:
                hidden = one(hidden, mask[:, None, None, :])
                hidden = hidden[0] if isinstance(hidden, tuple) else hidden
            hidden = hidden.half()
            embeddings[batch] = upper(hidden.float(), mask).float().numpy()
        for row, text in enumerate(batch):
            states[text] = hidden[row, : lengths[text]].numpy()
    return {"states": np.concatenate(states), "embeddings": embeddings, "lengths": lengths}
