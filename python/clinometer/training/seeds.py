"""Several models by one plan, one for each seed, with means and standard deviations of their values.

A seed determines the choice of samples, their order, and dropout; differences between seeds are chance.
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
        models: Models, one for each seed.
        development: Development values of the kept state of each model; empty without evaluations.
        proofs: Comparisons before and after, one for each collection.
    """

    models: list[TrainedModel]
    development: list[dict[str, float]]
    proofs: list[Proof]

    def to_dict(self) -> dict[str, Any]:
        """The JSON values `models`, `development` (mean and standard deviation by name), `proofs`."""
        return {
            "models": [
                {
                    "folder": str(trained.folder),
                    "seed": trained.plan.seed,
                    "new": trained.new,
                    "steps": trained.record["steps"],
                    "seconds": trained.record["seconds"],
                    "development": values,
                }
                for trained, values in zip(self.models, self.development, strict=True)
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
        output: Folder for the model; with several seeds, parent of the folders `seed-N`.
        seeds: Seeds of the models, one model for each.
        evaluate: Sources of collections, as `clinometer.load` reads them; see `clinometer.training.proof`.

    The other arguments are those of `clinometer.training.train`.

    Raises:
        UsageError: No seed, or a repeated one.
        ClinometerError: As for `clinometer.training.train` and `clinometer.evaluate`.
    """
    if not seeds or len(set(seeds)) < len(seeds):
        raise UsageError(f"seeds is {list(seeds)}; give one or more different numbers")
    output = Path(output)
    models: list[TrainedModel] = []
    for seed in seeds:
        folder = output if len(seeds) == 1 else output / f"seed-{seed}"
        models.append(train(model, data, languages, folder, seed=seed, show_progress_bar=show_progress_bar, **options))
    plan = models[0].plan
    names = ["after"] if len(models) == 1 else [f"after-{trained.plan.seed}" for trained in models]
    encoders = [partial(_encoder, str(trained.folder), trained.plan) for trained in models]
    after = dict(zip(names, encoders, strict=True))
    proofs = [
        prove(
            source,
            partial(_encoder, plan.model, plan),
            after,
            output / "evaluation",
            languages=plan.languages,
            pivot=plan.pivot,
            cards=[trained.folder / "README.md" for trained in models],
            show_progress_bar=show_progress_bar,
        )
        for source in evaluate
    ]
    return TrainedSeeds(models, [_kept(trained.record) for trained in models], proofs)


def spread(values: Sequence[dict[str, float]]) -> dict[str, dict[str, float | None]]:
    """Mean and sample standard deviation of each name common to all; the latter is None for a single seed.

    Example:
        >>> spread([{"a": 1.0}, {"a": 3.0}])
        {'a': {'mean': 2.0, 'sd': 1.4142135623730951}}
    """
    names = [name for name in values[0] if all(name in by_name for by_name in values)]
    columns = {name: [by_name[name] for by_name in values] for name in names}
    return {
        name: {"mean": fmean(column), "sd": stdev(column) if len(column) > 1 else None}
        for name, column in columns.items()
    }


def _encoder(model: str, plan: TrainingPlan) -> Encoder:
    from clinometer.encoders import SentenceTransformerEncoder

    return SentenceTransformerEncoder(model, query_prompt=plan.query_prompt, document_prompt=plan.document_prompt)


def _kept(record: dict[str, Any]) -> dict[str, float]:
    """Development values of the state that was kept: the best by the criterion of the plan, or the last."""
    entries = record["development"]
    if not entries:
        return {}
    criterion = record.get("chosen_by")
    best = max(entries, key=lambda entry: entry.get(criterion, 0.0)) if criterion else entries[-1]
    return {
        name.removeprefix("eval_"): value
        for name, value in best.items()
        if name.startswith("eval_") and isinstance(value, float)
    }
