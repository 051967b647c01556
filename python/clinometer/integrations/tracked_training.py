"""Trainings in the trackers of experiments: curves, development values, and the change on every collection.

Everything is logged after the training, from its record: a training that was resumed has its whole curve, one that was
interrupted has no run, and the tracker cannot end a training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clinometer.integrations.tracking import by_name, described, log_run, metric_name

if TYPE_CHECKING:
    from clinometer.adapters import Adapter
    from clinometer.training.proof import Proof
    from clinometer.training.seeds import TrainedSeeds

__all__ = ["log_adapter", "log_training"]

_PROOF_FILES = ("comparison.md", "comparison.json", "comparison.html", "mismatch.md", "mismatch.svg")


def log_training(trained: TrainedSeeds, log_to: str) -> None:
    """Log trained models, a run for each: the plan, losses and development values by step, and the proofs.

    Values of a proof are named by its folder: `demo/before/multi/macro-target/Complete_10`, the same with `after`, and
    with `difference`. Files are `training.json` and, in a folder for each proof, the comparison.

    Args:
        trained: The models.
        log_to: `mlflow:EXPERIMENT` or `wandb:PROJECT`.

    Raises:
        UsageError: The target is not written as it must be.
        MissingExtraError: The package is not installed.
        ClinometerError: The tracker does not take them.
    """
    for number, model in enumerate(trained.models):
        record = model.record
        curves: dict[int, dict[str, float]] = {}
        for entry in record["log"]:
            curves.setdefault(int(entry.get("step", 0)), {}).update(_numbers(entry))
        kept = {f"kept/{metric_name(name)}": value for name, value in trained.development[number].items()}
        last = max(curves, default=0)
        curves[last] = curves.get(last, {}) | kept | _proven(trained.proofs, number)
        facts = {f"plan.{name}": value for name, value in record["plan"].items()}
        facts |= {name: record.get(name) for name in ("steps", "seconds", "precision", "chosen_by", "resumed_from")}
        name = f"{_last_part(model.plan.model)} trained on {','.join(model.plan.languages)}, seed {model.plan.seed}"
        files = [(model.folder / "training.json", ""), *_files(trained.proofs)]
        log_run(log_to, name, described(facts), curves, files)


def log_adapter(
    adapter: Adapter, history: Sequence[Mapping[str, float]], path: Path, proofs: Sequence[Proof], log_to: str
) -> None:
    """Log an adapter in a run: its settings, losses by epoch, the file, and the proofs, named as for a model.

    Args:
        adapter: The adapter.
        history: Losses by epoch, as `clinometer.training.adapter_fit.fit_adapter` returns them.
        path: File of the adapter.
        proofs: Comparisons before and after.
        log_to: `mlflow:EXPERIMENT` or `wandb:PROJECT`.

    Raises:
        UsageError: The target is not written as it must be.
        MissingExtraError: The package is not installed.
        ClinometerError: The tracker does not take them.
    """
    curves = {int(entry["epoch"]): _numbers(entry) for entry in history}
    last = max(curves, default=0)
    curves[last] = curves.get(last, {}) | _proven(proofs, 0)
    facts = {f"adapter.{name}": value for name, value in adapter.describe().items() if name not in ("data", "history")}
    encoder = adapter.settings.get("encoder", {}).get("name", "an encoder")
    log_run(log_to, f"{adapter.kind} adapter on {encoder}", described(facts), curves, [(path, ""), *_files(proofs)])


def _numbers(entry: Mapping[str, Any]) -> dict[str, float]:
    """What a trainer logged at a step; its clock and the step itself are no measures of it."""
    return {
        metric_name(name): float(value)
        for name, value in entry.items()
        if name not in ("step", "epoch") and isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def _proven(proofs: Sequence[Proof], number: int) -> dict[str, float]:
    """Values before and after, and their differences, of the encoder of that number."""
    values: dict[str, float] = {}
    for proof in proofs:
        label = proof.comparison.labels[1 + number]
        rows = [row for row in proof.comparison.rows if row["encoder"] == label]
        for column in ("before", "after", "difference"):
            place = f"{metric_name(proof.folder.name)}/{column}"
            values |= {f"{place}/{name}": value for name, value in by_name(rows, column).items()}
    return values


def _files(proofs: Sequence[Proof]) -> list[tuple[Path, str]]:
    return [(proof.folder / name, metric_name(proof.folder.name)) for proof in proofs for name in _PROOF_FILES]


def _last_part(model: str) -> str:
    return model.rstrip("/").rpartition("/")[2]
