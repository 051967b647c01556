"""Several models by one plan, one for each seed, and what they have in common: means and standard deviations.

A seed decides which samples are taken, their order, and dropout; what differs between seeds is luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from clinometer.encoders import Encoder
from clinometer.errors import UsageError
from clinometer.training.plan import TrainingPlan
from clinometer.training.proof import Proof, prove
from clinometer.training.run import TrainedModel, train

__all__ = ["TrainedSeeds", "spread", "train_seeds"]


@dataclass(frozen=True)
class TrainedSeeds:
    """Models by one plan.

    Args:
        models: One for each seed.
        development: By model, the development values of the state that was kept; empty where none was evaluated.
        proofs: One for each collection that was evaluated before and after.
    """

    models: list[TrainedModel]
    development: list[dict[str, float]]
    proofs: list[Proof]

    def to_dict(self) -> dict[str, Any]:
        """As JSON values: `models`, `development` (mean and standard deviation by name), `proofs`."""
        return {
            "models": [
                {
                    "folder": str(one.folder),
                    "seed": one.plan.seed,
                    "new": one.new,
                    "steps": one.record["steps"],
                    "seconds": one.record["seconds"],
                    "development": values,
                }
                for one, values in zip(self.models, self.development, strict=True)
            ],
            "development": spread(self.development),
            "proofs": [proof.to_dict() for proof in self.proofs],
        }


def train_seeds(
    model: str | Path,
    data: str | Path | list[str | Path],
    languages: list[str],
    output: str | Path,
    *,
    seeds: Sequence[int] = (42,),
    evaluate: Sequence[str] = (),
    show_progress_bar: bool = False,
    **options: Any,
) -> TrainedSeeds:
    """Train a model for each seed, and evaluate it before and after.

    Args:
        model: As for `clinometer.training.train`.
        data: As for `clinometer.training.train`.
        languages: Target languages.
        output: Folder for the model; with several seeds, folder of the folders `seed-N`.
        seeds: One model for each.
        evaluate: Sources of collections, as `clinometer.load` reads them; see `clinometer.training.proof`.
        show_progress_bar: Draw bars on standard error.
        **options: Those of `TrainingPlan` but `seed`.

    Raises:
        UsageError: No seed, or one of them twice.
        ClinometerError: As for `clinometer.training.train` and `clinometer.evaluate`.
    """
    if not seeds or len(set(seeds)) < len(seeds):
        raise UsageError(f"seeds is {list(seeds)}; give one or more different numbers")
    output = Path(output)
    found: list[TrainedModel] = []
    for seed in seeds:
        folder = output if len(seeds) == 1 else output / f"seed-{seed}"
        found.append(train(model, data, languages, folder, seed=seed, show_progress_bar=show_progress_bar, **options))
    names = ["after"] if len(found) == 1 else [f"after-{one.plan.seed}" for one in found]
    proofs = [
        prove(
            source,
            partial(_encoder, found[0].plan.model, found[0].plan),
            {name: partial(_encoder, str(one.folder), one.plan) for name, one in zip(names, found, strict=True)},
            output / "evaluation",
            languages=found[0].plan.languages,
            pivot=found[0].plan.pivot,
            cards=[one.folder / "README.md" for one in found],
            show_progress_bar=show_progress_bar,
        )
        for source in evaluate
    ]
    return TrainedSeeds(found, [_kept(one.record) for one in found], proofs)


def spread(values: Sequence[dict[str, float]]) -> dict[str, dict[str, float | None]]:
    """Mean and sample standard deviation of each name that all have; the latter is None for a single seed.

    Example:
        >>> spread([{"a": 1.0}, {"a": 3.0}])
        {'a': {'mean': 2.0, 'sd': 1.4142135623730951}}
    """
    names = [name for name in values[0] if all(name in one for one in values)]
    columns = {name: [one[name] for one in values] for name in names}
    return {
        name: {"mean": fmean(column), "sd": stdev(column) if len(column) > 1 else None}
        for name, column in columns.items()
    }


def _encoder(model: str, plan: TrainingPlan) -> Encoder:
    from clinometer.encoders import SentenceTransformerEncoder

    return SentenceTransformerEncoder(model, query_prompt=plan.query_prompt, document_prompt=plan.document_prompt)


def _kept(record: dict[str, Any]) -> dict[str, float]:
    """The development values of the state that was kept: the best by what the plan chose by, or the last."""
    entries = record["development"]
    if not entries:
        return {}
    chosen = record.get("chosen_by")
    best = max(entries, key=lambda entry: entry.get(chosen, 0.0)) if chosen else entries[-1]
    return {
        name.removeprefix("eval_"): value
        for name, value in best.items()
        if name.startswith("eval_") and isinstance(value, float)
    }
