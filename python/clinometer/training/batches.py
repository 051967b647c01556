"""Hybrid batches: each batch monolingual or cross-lingual, a fixed share of each in every epoch.

The order of an epoch follows from its seed and number alone. Torch is imported when a sampler is made.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from clinometer.errors import MissingExtraError, UsageError
from clinometer.languages import canonical
from clinometer.training.data import Layout, ParallelItem, ParallelSamples, Split, samples_from_items

__all__ = ["hybrid_batch_sampler", "hybrid_plan", "hybrid_samples"]

_MONO = "mono-"


def hybrid_samples(
    items: Sequence[ParallelItem],
    languages: Sequence[str],
    samples: int | None = 2800,
    seed: int = 42,
    split: Split = "train",
    dev_share: float = 0.1,
    *,
    cross: Layout = "alignment",
    pivot: str = "en",
    pivot_alone: bool = True,
    split_seed: int = 0,
) -> dict[str, ParallelSamples]:
    """Datasets for hybrid training: `mono-LL` with (query, passage) pairs of one language, `cross-LL` with the pivot.

    Each becomes one dataset of a `DatasetDict`, so a batch is of one language or one language pair. A dictionary of
    losses with the same keys gives each its own loss, such as InfoNCE for `mono-` and alignment for `cross-`.

    Args:
        items: Items of `clinometer.training.data.read_items`.
        languages: Target languages.
        samples: Maximum number of samples per dataset; None for all.
        seed: Seed of the choice of samples and of their order.
        split: `train`, `dev`, or `all`.
        dev_share: Share of the pages kept for `dev`.
        cross: Layout of the cross-lingual datasets; see `samples_from_items`.
        pivot: The pivot language.
        pivot_alone: Add a `mono-` dataset with the pivot's own pairs.
        split_seed: Seed of the split.

    Returns:
        Samples by name, monolingual ones first, in the order of the languages.
    """
    targets = list(dict.fromkeys(canonical(language) for language in languages))
    monolingual = [canonical(pivot), *targets] if pivot_alone else targets
    options: dict[str, Any] = {"pivot": pivot, "split_seed": split_seed}
    datasets: list[tuple[str, str, Layout]] = [(f"{_MONO}{language}", language, "pairs") for language in monolingual]
    datasets += [(f"cross-{language}", language, cross) for language in targets]
    return {
        name: samples_from_items(items, [language], samples, seed, split, dev_share, layout=layout, **options)
        for name, language, layout in datasets
    }


def hybrid_plan(batches: Sequence[int], monolingual: Sequence[bool], alpha: float, seed: int = 42) -> list[int]:
    """Which dataset each batch of an epoch comes from.

    A share alpha of the batches is monolingual. The epoch ends when a kind is used up, so the scarcer kind sets its
    length; within a kind, datasets are drawn in proportion to their number of batches.

    Args:
        batches: Number of batches in each dataset.
        monolingual: Whether each dataset is monolingual.
        alpha: Share of monolingual batches, 0 to 1; 0.5 was best in arXiv 2408.10536.
        seed: Seed of this epoch.

    Returns:
        Position of the dataset of each batch.

    Example:
        >>> sorted(hybrid_plan([4, 2, 9], [True, True, False], alpha=0.5))
        [0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2]
    """
    if not 0 <= alpha <= 1:
        raise UsageError(f"alpha is {alpha}, but must be between 0 and 1")
    if len(batches) != len(monolingual):
        raise UsageError(f"{len(batches)} datasets, but {len(monolingual)} values in monolingual; give one for each")
    generator = random.Random(seed)  # noqa: S311 - an order, not a secret
    # Every batch of a kind once, in random order: the first n are a fair draw in proportion to the dataset sizes.
    kinds = {
        kind: [dataset for dataset, size in enumerate(batches) if monolingual[dataset] == kind for _ in range(size)]
        for kind in (True, False)
    }
    for name, kind, share in (("monolingual", True, alpha), ("cross-lingual", False, 1 - alpha)):
        if share > 0 and not kinds[kind]:
            raise UsageError(f"alpha is {alpha}, but there is no {name} batch; add such a dataset or change alpha")
        generator.shuffle(kinds[kind])
    limits = [len(kinds[kind]) / share for kind, share in ((True, alpha), (False, 1 - alpha)) if share > 0]
    steps = int(min(limits) + 1e-9)
    monolingual_steps = min(round(alpha * steps), len(kinds[True]))
    plan = kinds[True][:monolingual_steps] + kinds[False][: steps - monolingual_steps]
    generator.shuffle(plan)
    return plan


def hybrid_batch_sampler(names: Sequence[str], alpha: float = 0.5) -> Callable[..., Any]:
    """A value of `multi_dataset_batch_sampler` of the training arguments, for datasets from `hybrid_samples`.

    Args:
        names: Names of the datasets in the order of the `DatasetDict`; those that begin with `mono-` are monolingual.
        alpha: Share of monolingual batches; see `hybrid_plan`.

    Raises:
        MissingExtraError: The extra `train` is not installed.
        UsageError: The datasets do not match the names or alpha.

    Example:
        ::

            samples_of = hybrid_samples(items, ["de", "zh"])
            args = SentenceTransformerTrainingArguments(
                output_dir="out", multi_dataset_batch_sampler=hybrid_batch_sampler(list(samples_of), alpha=0.5)
            )
            train_dataset = DatasetDict({name: samples.to_dataset() for name, samples in samples_of.items()})
    """
    try:
        from sentence_transformers.base.sampler import MultiDatasetDefaultBatchSampler
    except ImportError:
        raise MissingExtraError("a sampler of hybrid batches", "train") from None
    monolingual = [name.startswith(_MONO) for name in names]

    class HybridBatchSampler(MultiDatasetDefaultBatchSampler):  # type: ignore[misc, unused-ignore]
        """Batches in the order of `hybrid_plan`, which differs between epochs."""

        def _plan(self) -> list[int]:
            return hybrid_plan([len(sampler) for sampler in self.batch_samplers], monolingual, alpha, self._seed())

        def _seed(self) -> int:
            return int(self.seed or 0) + int(self.epoch)

        def __iter__(self) -> Iterator[list[int]]:
            """Rows of the concatenated datasets, batch by batch."""
            if self.generator is not None and self.seed is not None:
                self.generator.manual_seed(self._seed())
            starts = [0, *self.dataset.cumulative_sizes]
            iterators = [iter(sampler) for sampler in self.batch_samplers]
            for dataset in self._plan():
                batch = next(iterators[dataset], None)
                if batch is not None:  # a sampler without duplicates may have fewer batches than it announced
                    yield [row + starts[dataset] for row in batch]

        def __len__(self) -> int:
            return len(self._plan())

    def make(dataset: Any, batch_samplers: list[Any], generator: Any = None, seed: int | None = 0) -> Any:
        if len(batch_samplers) != len(monolingual):
            raise UsageError(f"{len(batch_samplers)} datasets for the {len(monolingual)} names {', '.join(names)}")
        return HybridBatchSampler(dataset, batch_samplers=batch_samplers, generator=generator, seed=seed or 0)

    return make
