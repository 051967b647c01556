"""Cross-lingual alignment from (English query, English passage, target passage): L_JSD + L_NCE and variants.

The literal loss of arXiv 2604.05684, its ablations, and our own terms are parts of one class, named in one string.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from clinometer.errors import UsageError
from clinometer.losses.columns import Batch, ColumnLoss, positive_number
from clinometer.losses.jsd import EpsilonPlace, JsdInput, LogBase, check_jsd_options, embedding_jsd
from clinometer.losses.nce import info_nce, pooled_nce
from clinometer.losses.similarity import similarity_jsd

__all__ = ["CrossLingualAlignmentLoss"]

_TRIPLET = ("query_en", "passage_en", "passage_tgt")
# Columns that a part always needs, and those that it needs in addition if there is a query_tgt.
_NEEDS: dict[str, tuple[set[str], set[str]]] = {
    "jsd": ({"passage_en", "passage_tgt"}, set()),
    "nce": ({"query_en", "passage_tgt"}, set()),
    "psg": ({"passage_en", "passage_tgt"}, set()),
    "pool": ({"query_en", "passage_en", "passage_tgt"}, {"query_tgt"}),
    "mono": ({"query_en", "passage_en"}, {"query_tgt", "passage_tgt"}),
    "sim": ({"passage_en", "passage_tgt"}, {"query_en", "query_tgt"}),
}


class CrossLingualAlignmentLoss(ColumnLoss):
    """Pulls a passage and its translation together, and the translation towards the English query.

    `parts` names the terms, joined by `+`; the loss is their weighted sum:

    - `jsd`: L_JSD of the paper, the root of the Jensen-Shannon divergence between the embeddings of the passage and of
      its translation, each read as a distribution over dimensions (`clinometer.losses.embedding_jsd`). On its own it
      collapses retrieval: a constant embedding makes it zero.
    - `nce`: L_NCE of the paper, InfoNCE with the target-language passage as anchor, its English query as positive, and
      the English queries of the other items as negatives.
    - `psg`: the paper's baseline loss, InfoNCE between the two passages; here the mean of both directions.
    - `pool` (ours): InfoNCE of the queries against the passages of both languages at once.
    - `mono` (ours): InfoNCE of each query against the passages of its own language; keeps plain retrieval.
    - `sim` (ours): JSD between the in-batch similarities of a text and of its translation
      (`clinometer.losses.SimilarityAlignmentLoss`).

    Args:
        model: SentenceTransformer model.
        parts: Terms joined by `+`, such as `jsd+nce` (the paper's loss), `jsd`, `nce`, `psg`, `psg+nce`, `pool+sim`.
        weights: Weight of each part by name, 1 by default. The paper has no weights.
        scale: Factor of the cosines in every InfoNCE term and in `sim`. The paper shows none: `1.0` is literal, 20 is
            the usual value.
        jsd_input: `raw` (before the model's `Normalize` module), `normalized`, or `scaled` to length sqrt(d). The paper
            does not say; see `clinometer.losses.embedding_jsd`.
        jsd_temperature: Divisor of the embeddings before the softmax.
        jsd_epsilon: Small constant that keeps the slope of the root finite.
        jsd_epsilon_place: Position of epsilon: `inside` the root, or `outside` as printed in the paper.
        jsd_log_base: Base of the logarithm, `e` or `2`.
        negatives: Number of hard negative columns at the end, used by `pool` and `mono`.
        gather_across_devices: Take candidates from all devices.

    Requirements:
        1. Columns in this order: English query, English passage, target passage, optionally the target query, then the
           hard negatives. The trainer ignores their names; only the order counts.
        2. With several target languages in one run, or several rows per item: an integer `label` column with the number
           of the item, so that translations of one item are never each other's negatives.

    Inputs:
        +---------------------------------------------------------------+------------------------------+
        | Texts                                                         | Labels                       |
        +===============================================================+==============================+
        | (query_en, passage_en, passage_tgt) triplets                  | none, or the item's number   |
        +---------------------------------------------------------------+------------------------------+
        | (query_en, passage_en, passage_tgt, query_tgt) quadruplets    | none, or the item's number   |
        +---------------------------------------------------------------+------------------------------+
        | either, followed by (negative_1, ..., negative_n)             | none, or the item's number   |
        +---------------------------------------------------------------+------------------------------+

    Recommendations:
        - `BatchSamplers.NO_DUPLICATES` keeps equal texts of different items out of one batch. It ignores `label`.
        - Prompts by column: `clinometer.training.data.prompts_for`.

    Relations:
        - `GradCachedLoss` wraps this loss for large batches on small memory (sentence-transformers 6).
        - `CombinedLoss` adds other losses on the same columns, such as `DistillationLoss`.
        - `MultipleNegativesRankingLoss` of sentence-transformers is InfoNCE in one language, or from query to passage.

    Example:
        ::

            from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
            from clinometer.losses import CrossLingualAlignmentLoss
            from clinometer.training.data import parallel_dataset

            model = SentenceTransformer("intfloat/multilingual-e5-small")
            train_dataset = parallel_dataset(["libreoffice-help.jsonl.gz"], ["de"])
            loss = CrossLingualAlignmentLoss(model, parts="jsd+nce")
            trainer = SentenceTransformerTrainer(model=model, train_dataset=train_dataset, loss=loss)
            trainer.train()
    """

    def __init__(
        self,
        model: Any,
        parts: str = "jsd+nce",
        *,
        weights: Mapping[str, float] | None = None,
        scale: float = 20.0,
        jsd_input: JsdInput = "raw",
        jsd_temperature: float = 1.0,
        jsd_epsilon: float = 1e-8,
        jsd_epsilon_place: EpsilonPlace = "inside",
        jsd_log_base: LogBase = "e",
        negatives: int = 0,
        gather_across_devices: bool = False,
    ) -> None:
        super().__init__(model, gather_across_devices=gather_across_devices)
        self.parts = _parts(parts)
        self.weights = _weights(weights, self.parts)
        self.scale = positive_number("scale", scale)
        check_jsd_options(jsd_input, jsd_temperature, jsd_epsilon, jsd_epsilon_place, jsd_log_base)
        self.jsd_input, self.jsd_temperature, self.jsd_epsilon = jsd_input, jsd_temperature, jsd_epsilon
        self.jsd_epsilon_place, self.jsd_log_base = jsd_epsilon_place, jsd_log_base
        if negatives < 0:
            raise UsageError(f"negatives is {negatives}, but cannot be negative")
        if negatives and not {"pool", "mono"} & set(self.parts):
            raise UsageError(f"hard negatives have no effect in {parts}; add pool or mono, or set negatives to 0")
        self.negatives = negatives

    def column_names(self, count: int) -> tuple[str, ...]:  # noqa: D102 - described in the base class
        negative_names = tuple(f"negative_{number}" for number in range(1, self.negatives + 1))
        for names in (_TRIPLET, (*_TRIPLET, "query_tgt")):
            if count == len(names) + self.negatives:
                return (*names, *negative_names)
        ending = f", then {self.negatives} hard negatives" if self.negatives else ""
        raise UsageError(
            f"CrossLingualAlignmentLoss got {count} columns besides label; it takes query_en, passage_en, passage_tgt "
            f"and optionally query_tgt{ending}, in this order"
        )

    def columns_used(self, names: Sequence[str]) -> set[str]:  # noqa: D102
        used_names: set[str] = set()
        for part in self.parts:
            always, with_target_query = _NEEDS[part]
            used_names |= always | with_target_query if "query_tgt" in names else always
        return {name for name in names if name in used_names or name.startswith("negative_")}

    def parts_of(self, batch: Batch) -> dict[str, Tensor]:  # noqa: D102
        terms: dict[str, Callable[[Batch], Tensor]] = {
            "jsd": self._jsd,
            "nce": lambda batch: self._contrast(batch, "passage_tgt", "query_en"),
            "psg": self._psg,
            "pool": self._pool,
            "mono": self._mono,
            "sim": lambda batch: similarity_jsd(batch, scale=self.scale),
        }
        return {part: self.weights[part] * terms[part](batch) for part in self.parts}

    def get_config_dict(self) -> dict[str, Any]:  # noqa: D102
        return {
            "parts": "+".join(self.parts),
            "weights": dict(self.weights),
            "scale": self.scale,
            "jsd_input": self.jsd_input,
            "jsd_temperature": self.jsd_temperature,
            "jsd_epsilon": self.jsd_epsilon,
            "jsd_epsilon_place": self.jsd_epsilon_place,
            "jsd_log_base": self.jsd_log_base,
            "negatives": self.negatives,
            **super().get_config_dict(),
        }

    @property
    def citation(self) -> str:
        """The paper, in BibTeX."""
        return """
@inproceedings{hong2026semanticproximity,
    title = {Improving Semantic Proximity in Information Retrieval through Cross-Lingual Alignment},
    author = {Hong, Seongtae and Jang, Youngjoon and Lee, Jungseob and Moon, Hyeonseok and Lim, Heuiseok},
    booktitle = {International Conference on Learning Representations},
    year = {2026},
    url = {https://arxiv.org/abs/2604.05684},
}
"""

    def _jsd(self, batch: Batch) -> Tensor:
        return embedding_jsd(
            batch.columns["passage_en"],
            batch.columns["passage_tgt"],
            read=self.jsd_input,
            temperature=self.jsd_temperature,
            epsilon=self.jsd_epsilon,
            place=self.jsd_epsilon_place,
            log_base=self.jsd_log_base,
        )

    def _contrast(self, batch: Batch, anchor: str, candidate: str) -> Tensor:
        return info_nce(
            batch.columns[anchor], batch.candidates[candidate], scale=self.scale, own=batch.own, allowed=batch.allowed
        )

    def _psg(self, batch: Batch) -> Tensor:
        forward, backward = ("passage_en", "passage_tgt"), ("passage_tgt", "passage_en")
        return (self._contrast(batch, *forward) + self._contrast(batch, *backward)) / 2

    def _against(self, batch: Batch, query: str, passages: tuple[str, ...]) -> Tensor:
        return pooled_nce(
            batch.columns[query],
            [batch.candidates[name] for name in passages],
            own=batch.own,
            others=batch.others,
            negatives=[vectors for name, vectors in batch.candidates.items() if name.startswith("negative_")],
            scale=self.scale,
        )

    def _pool(self, batch: Batch) -> Tensor:
        queries = [name for name in ("query_en", "query_tgt") if name in batch.columns]
        return torch.stack([self._against(batch, name, ("passage_en", "passage_tgt")) for name in queries]).mean()

    def _mono(self, batch: Batch) -> Tensor:
        pairs = [("query_en", "passage_en"), ("query_tgt", "passage_tgt")]
        terms = [self._against(batch, query, (passage,)) for query, passage in pairs if query in batch.columns]
        return torch.stack(terms).mean()


def _parts(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split("+"))
    unknown_names = [repr(name) for name in names if name not in _NEEDS]
    if unknown_names:
        raise UsageError(f"unknown part {', '.join(unknown_names)}; expected any of {', '.join(_NEEDS)}, joined by '+'")
    if len(set(names)) < len(names):
        raise UsageError(f"{text!r} names a part twice; use weights to give one more weight")
    return names


def _weights(weights: Mapping[str, float] | None, parts: tuple[str, ...]) -> dict[str, float]:
    weight_of = dict(weights or {})
    unknown_parts = [repr(name) for name in weight_of if name not in parts]
    if unknown_parts:
        raise UsageError(f"weights names {', '.join(unknown_parts)}, but the parts are {', '.join(parts)}")
    return {part: positive_number(f"the weight of {part}", weight_of.get(part, 1.0)) for part in parts}
