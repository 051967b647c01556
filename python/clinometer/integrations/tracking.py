"""Results in the trackers of experiments: MLflow and Weights & Biases, each in a run of its own.

`log_to` is `mlflow:EXPERIMENT` or `wandb:PROJECT`. Servers, keys and modes come from the trackers' own settings, such
as `MLFLOW_TRACKING_URI`, `WANDB_API_KEY` and `WANDB_MODE`.
"""

from __future__ import annotations

import copy
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from clinometer.errors import ClinometerError, UsageError, first_line, optional_package, shortened, shown
from clinometer.suggestions import did_you_mean

if TYPE_CHECKING:
    from clinometer.evaluation.results import Evaluation

__all__ = ["Target", "figures", "log", "logged", "parameters", "read_target", "require_tracker"]

_SERVICES = {"mlflow": "MLflow", "wandb": "Weights & Biases"}
_BATCH, _LONGEST = 500, 250
_NOT_IN_NAMES = re.compile(r"[^\w./ -]+")
"""What MLflow does not take in the name of a metric, such as the `@` of a cutoff."""


class Target(NamedTuple):
    """Where results go: the service, and its experiment or project."""

    service: str
    project: str


class _Run(Protocol):
    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Log values under their names."""

    def file(self, path: Path) -> None:
        """Keep a file."""


def read_target(text: str) -> Target:
    """The target of `log_to`.

    Raises:
        UsageError: It is not written so.

    Example:
        >>> read_target("mlflow:lean of retrievers")
        Target(service='mlflow', project='lean of retrievers')
    """
    service, _, project = text.partition(":") if isinstance(text, str) else ("", "", "")
    if service not in _SERVICES or not project.strip():
        meant = did_you_mean(service, _SERVICES)
        raise UsageError(f"log_to is {shown(text)}, but must be mlflow:EXPERIMENT or wandb:PROJECT{meant}")
    return Target(service, project.strip())


def require_tracker(text: str) -> Target:
    """The target, if the package of its service is installed.

    Raises:
        UsageError: The target is not written as it must be.
        MissingExtraError: The package is not installed.
    """
    target = read_target(text)
    optional_package(target.service, f"logging to {_SERVICES[target.service]}", target.service)
    return target


def figures(evaluation: Evaluation) -> dict[str, float]:
    """Every value of the results by `SCENARIO/QUERIES/MEASURE`; with the pool where queries meet several.

    Characters that MLflow does not take in names are underscores: `multi/macro-target/Complete_10`.
    """
    pools = Counter((row["scenario"], row["query_language"], row["measure"]) for row in evaluation.rows)
    values = {}
    for row in evaluation.rows:
        if row["value"] is None:
            continue
        parts = [row["scenario"], row["query_language"], row["measure"]]
        if pools[row["scenario"], row["query_language"], row["measure"]] > 1:
            parts.insert(2, "-".join(row["pool_languages"]))
        values["/".join(map(_named, parts))] = float(row["value"])
    return values


def parameters(evaluation: Evaluation) -> dict[str, str]:
    """What distinguishes a run: the encoder, the collection and the settings, as short texts."""
    facts = {f"encoder.{name}": value for name, value in evaluation.encoder.items() if name != "warnings"}
    facts |= {f"collection.{name}": evaluation.collection.get(name) for name in ("name", "languages", "digest")}
    facts |= {f"settings.{name}": value for name, value in evaluation.settings.items() if name != "command"}
    return {_named(name): shortened(_text(value), _LONGEST) for name, value in facts.items() if value not in (None, [])}


def log(evaluation: Evaluation, log_to: str, folder: Path | None = None) -> None:
    """Log the values, what was evaluated, and the files of an evaluation, in a run of its own.

    Args:
        evaluation: The results.
        log_to: `mlflow:EXPERIMENT` or `wandb:PROJECT`.
        folder: Folder with the files; by default `results.json` and `report.md` are made for it.

    Raises:
        UsageError: The target is not written as it must be.
        MissingExtraError: The package is not installed.
        ClinometerError: The tracker does not take them.
    """
    target = require_tracker(log_to)
    name = f"{evaluation.encoder.get('name', 'encoder')} on {evaluation.collection.get('name', 'a collection')}"
    with tempfile.TemporaryDirectory() as place, _run(target, name, parameters(evaluation)) as run:
        run.metrics(figures(evaluation), 0)
        if folder is None:
            folder = Path(place)
            evaluation.to_json(folder / "results.json")
            evaluation.report(folder / "report.md")
        for file in ("results.json", "report.md", "report.html"):
            if (folder / file).exists():
                run.file(folder / file)


def logged(evaluator: Any, log_to: str) -> Any:
    """A copy of an evaluator of sentence-transformers that logs what it measures in every call, in one run.

    The step is that of the call, or the number of the call without one. Losses are logged by the trainer itself
    (`report_to`).

    Args:
        evaluator: Such as a `MixedPoolEvaluator`: called with a model, it returns values by name.
        log_to: `mlflow:EXPERIMENT` or `wandb:PROJECT`.

    Raises:
        UsageError: The target is not written as it must be.
        MissingExtraError: The package is not installed.
    """
    target = require_tracker(log_to)
    kind = type(evaluator)
    calls: list[int] = []
    opened: list[Any] = []

    def call(self: Any, model: Any, output_path: str | None = None, epoch: int = -1, steps: int = -1) -> Any:
        values = kind.__call__(self, model, output_path, epoch, steps)
        calls.append(steps)
        with _reported(target):
            if not opened:
                opened.append(_opened(target, getattr(self, "name", "") or kind.__name__, {}))
            numbers = {_named(name): float(value) for name, value in values.items() if isinstance(value, (int, float))}
            opened[0].metrics(numbers, steps if steps >= 0 else len(calls))
        return values

    copied = copy.copy(evaluator)
    copied.__class__ = type(kind.__name__, (kind,), {"__call__": call, "__module__": kind.__module__})
    return copied


@contextmanager
def _run(target: Target, name: str, described: Mapping[str, str]) -> Iterator[_Run]:
    """A run that is ended afterwards; what the tracker raises is one sentence."""
    with _reported(target):
        run = _opened(target, name, described)
        try:
            yield run
        except BaseException:
            run.end(failed=True)
            raise
        run.end(failed=False)


@contextmanager
def _reported(target: Target) -> Iterator[None]:
    try:
        yield
    except ClinometerError:
        raise
    except Exception as error:  # a tracker's own classes, and those of what it is made of
        service = _SERVICES[target.service]
        raise ClinometerError(
            f"{service} did not take the results ({first_line(error)}); check its server and settings"
        ) from None


def _opened(target: Target, name: str, described: Mapping[str, str]) -> Any:
    return (_MlflowRun if target.service == "mlflow" else _WandbRun)(target.project, name, described)


class _MlflowRun:
    """A run of MLflow, apart from the run that a program may have open."""

    def __init__(self, experiment: str, name: str, described: Mapping[str, str]) -> None:
        mlflow = optional_package("mlflow", "logging to MLflow", "mlflow")
        self._entities, self._client = mlflow.entities, mlflow.MlflowClient()
        known = self._client.get_experiment_by_name(experiment)
        number = self._client.create_experiment(experiment) if known is None else known.experiment_id
        self._id = self._client.create_run(number, run_name=name).info.run_id
        params = [self._entities.Param(key, value) for key, value in described.items()]
        for start in range(0, len(params), 100):
            self._client.log_batch(self._id, params=params[start : start + 100])

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        now = int(1000 * time.time())
        metrics = [self._entities.Metric(name, value, now, step) for name, value in values.items()]
        for start in range(0, len(metrics), _BATCH):
            self._client.log_batch(self._id, metrics=metrics[start : start + _BATCH])

    def file(self, path: Path) -> None:
        self._client.log_artifact(self._id, str(path))

    def end(self, *, failed: bool) -> None:
        self._client.set_terminated(self._id, "FAILED" if failed else "FINISHED")


class _WandbRun:
    """A run of Weights & Biases, apart from the run that a program may have open."""

    def __init__(self, project: str, name: str, described: Mapping[str, str]) -> None:
        wandb = optional_package("wandb", "logging to Weights & Biases", "wandb")
        self._artifact = wandb.Artifact(re.sub(r"[^\w.-]+", "-", name), type="results")
        self._run = wandb.init(
            project=project, name=name, config=dict(described), job_type="evaluation", reinit="create_new",
            settings=wandb.Settings(silent=True, console="off"),
        )  # fmt: skip
        self._files = 0

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        self._run.log(dict(values), step=step, commit=True)

    def file(self, path: Path) -> None:
        self._artifact.add_file(str(path), policy="mutable")
        self._files += 1

    def end(self, *, failed: bool) -> None:
        if self._files and not failed:
            self._run.log_artifact(self._artifact)
        self._run.finish(exit_code=int(failed))


def _named(text: str) -> str:
    """A name that every tracker takes."""
    return _NOT_IN_NAMES.sub("_", str(text)).strip("_ ")


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(_text, value))
    return str(value)
