"""Results in the trackers of experiments: MLflow and Weights & Biases, each in a run of its own.

`log_to` is `mlflow:EXPERIMENT` or `wandb:PROJECT`. Servers, keys and modes come from the trackers' own settings, such
as `MLFLOW_TRACKING_URI`, `WANDB_API_KEY` and `WANDB_MODE`.
"""

from __future__ import annotations

import atexit
import copy
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from clinometer.errors import ClinometerError, UsageError, first_line, optional_package, shortened, shown
from clinometer.suggestions import did_you_mean

if TYPE_CHECKING:
    from clinometer.evaluation.results import Evaluation

__all__ = [
    "Target",
    "by_name",
    "described",
    "figures",
    "log",
    "log_run",
    "logged",
    "metric_name",
    "parameters",
    "read_target",
    "require_tracker",
]

_SERVICES = {"mlflow": "MLflow", "wandb": "Weights & Biases"}
_BATCH, _LONGEST, _LONGEST_ARTIFACT = 500, 250, 128
_NOT_IN_NAMES = re.compile(r"[^\w./ -]+")
"""What MLflow does not take in the name of a metric, such as the `@` of a cutoff."""


class Target(NamedTuple):
    """Where results go: the service, and its experiment or project."""

    service: str
    project: str


class _Run(Protocol):
    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Log values under their names."""

    def file(self, path: Path, folder: str = "") -> None:
        """Keep a file, in a folder of the run."""

    def end(self, *, failed: bool) -> None:
        """End the run."""


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
    return by_name(evaluation.rows, "value")


def by_name(rows: Sequence[Mapping[str, Any]], column: str) -> dict[str, float]:
    """The values of a column of rows of results or of a comparison, by the same names; rows without one are left out.

    Args:
        rows: Rows of one encoder.
        column: Name of the column, such as `value`, `before` or `difference`.
    """
    pools = Counter((row["scenario"], row["query_language"], row["measure"]) for row in rows)
    values = {}
    for row in rows:
        if row[column] is None:
            continue
        parts = [row["scenario"], row["query_language"], row["measure"]]
        if pools[row["scenario"], row["query_language"], row["measure"]] > 1:
            parts.insert(2, "-".join(row["pool_languages"]))
        values["/".join(map(metric_name, parts))] = float(row[column])
    return values


def parameters(evaluation: Evaluation) -> dict[str, str]:
    """What distinguishes a run: the encoder, the collection and the settings, as short texts."""
    facts = {f"encoder.{name}": value for name, value in evaluation.encoder.items() if name != "warnings"}
    facts |= {f"collection.{name}": evaluation.collection.get(name) for name in ("name", "languages", "digest")}
    facts |= {f"settings.{name}": value for name, value in evaluation.settings.items() if name != "command"}
    return described(facts)


def described(facts: Mapping[str, Any]) -> dict[str, str]:
    """Facts as parameters of a run, which are short texts; what is None or empty is left out."""
    texts = {name: _text(value) for name, value in facts.items() if value not in (None, [], {})}
    return {metric_name(name): shortened(text, _LONGEST) for name, text in texts.items()}


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
    require_tracker(log_to)
    name = f"{evaluation.encoder.get('name', 'encoder')} on {evaluation.collection.get('name', 'a collection')}"
    with tempfile.TemporaryDirectory() as place:
        if folder is None:
            folder = Path(place)
            evaluation.to_json(folder / "results.json")
            evaluation.report(folder / "report.md")
        files = [(folder / file, "") for file in ("results.json", "report.md", "report.html")]
        log_run(log_to, name, parameters(evaluation), {0: figures(evaluation)}, files)


def log_run(
    log_to: str,
    name: str,
    parameters: Mapping[str, str],
    values: Mapping[int, Mapping[str, float]],
    files: Iterable[tuple[Path, str]] = (),
) -> None:
    """Log values, parameters and files in a run of their own, which is ended, also when an error comes.

    Args:
        log_to: `mlflow:EXPERIMENT` or `wandb:PROJECT`.
        name: Name of the run.
        parameters: Parameters, as `described` makes them.
        values: Values by step and name (`metric_name`).
        files: Files and the folders of the run that they go to, `""` for none; those that do not exist are left out.

    Raises:
        UsageError: The target is not written as it must be.
        MissingExtraError: The package is not installed.
        ClinometerError: The tracker does not take them.
    """
    target = require_tracker(log_to)
    with _reported(target):
        run = _opened(target, name, parameters)
        try:
            for step in sorted(values):
                run.metrics(values[step], step)
            for path, folder in files:
                if path.exists():
                    run.file(path, folder)
        except BaseException:
            _end_failed(run)
            raise
        run.end(failed=False)


def logged(evaluator: Any, log_to: str) -> Any:
    """A copy of an evaluator of sentence-transformers that logs what it measures in every call, in one run.

    The step is that of the call, or the number of the call without one. Losses are logged by the trainer itself
    (`report_to`). The run is ended with the `with` block of the copy, as failed if that ends by an error; without one
    when the program ends. An evaluation that fails ends it as failed, and the next one opens another.

    Args:
        evaluator: Such as a `MixedPoolEvaluator`: called with a model, it returns values by name.
        log_to: `mlflow:EXPERIMENT` or `wandb:PROJECT`.

    Raises:
        UsageError: The target is not written as it must be.
        MissingExtraError: The package is not installed.

    Example:
        ::

            with logged(evaluator, "mlflow:lean") as watched:
                SentenceTransformerTrainer(model=model, evaluator=watched, ...).train()
    """
    target = require_tracker(log_to)
    kind = type(evaluator)
    run = _RunOfCalls(target, getattr(evaluator, "name", "") or kind.__name__)

    def call(self: Any, model: Any, output_path: str | None = None, epoch: int = -1, steps: int = -1) -> Any:
        try:
            values = kind.__call__(self, model, output_path, epoch, steps)
        except BaseException:
            run.end_failed()
            raise
        run.metrics(
            {metric_name(name): float(value) for name, value in values.items() if isinstance(value, (int, float))},
            steps,
        )
        return values

    def entered(self: Any) -> Any:
        return self

    def left(self: Any, error: type[BaseException] | None, *_: Any) -> None:  # noqa: ARG001
        run.end(failed=error is not None)

    copied = copy.copy(evaluator)
    methods = {"__call__": call, "__enter__": entered, "__exit__": left}
    copied.__class__ = type(kind.__name__, (kind,), {**methods, "__module__": kind.__module__})
    return copied


class _RunOfCalls:
    """A run that the first values open, and that is ended once, at the latest with the program."""

    def __init__(self, target: Target, name: str) -> None:
        self._target, self._name = target, name
        self._run: _Run | None = None
        self._calls = 0

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Log values at a step; that of a call without one (-1) is its number."""
        self._calls += 1
        with _reported(self._target):
            if self._run is None:
                self._run = _opened(self._target, self._name, {})
                # After the tracker's own, so before it: the last one registered is the first one called.
                atexit.register(self._end_with_program)
            try:
                self._run.metrics(values, step if step >= 0 else self._calls)
            except BaseException:
                self.end_failed()
                raise

    def end_failed(self) -> None:
        """End the run, if there is one, after an error that is the one to be raised."""
        with suppress(ClinometerError):
            self.end(failed=True)

    def end(self, *, failed: bool) -> None:
        """End the run, if there is one."""
        run, self._run = self._run, None
        atexit.unregister(self._end_with_program)
        if run is not None:
            with _reported(self._target):
                run.end(failed=failed)

    def _end_with_program(self) -> None:
        try:
            self.end(failed=getattr(sys, "last_value", None) is not None)
        except ClinometerError as error:
            sys.stderr.write(f"warning: {error}\n")


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


def _opened(target: Target, name: str, parameters: Mapping[str, str]) -> _Run:
    kind: type[_MlflowRun | _WandbRun] = _MlflowRun if target.service == "mlflow" else _WandbRun
    return kind(target.project, name, parameters)


def _end_failed(run: _Run) -> None:
    """End a run after an error, which is the one to be raised."""
    with suppress(Exception):
        run.end(failed=True)


class _MlflowRun:
    """A run of MLflow, apart from the run that a program may have open."""

    def __init__(self, experiment: str, name: str, parameters: Mapping[str, str]) -> None:
        mlflow = optional_package("mlflow", "logging to MLflow", "mlflow")
        self._entities, self._client = mlflow.entities, mlflow.MlflowClient()
        known = self._client.get_experiment_by_name(experiment)
        number = self._client.create_experiment(experiment) if known is None else known.experiment_id
        self._id = self._client.create_run(number, run_name=name).info.run_id
        params = [self._entities.Param(key, value) for key, value in parameters.items()]
        try:
            for start in range(0, len(params), 100):
                self._client.log_batch(self._id, params=params[start : start + 100])
        except BaseException:
            _end_failed(self)
            raise

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        now = int(1000 * time.time())
        metrics = [self._entities.Metric(name, value, now, step) for name, value in values.items()]
        for start in range(0, len(metrics), _BATCH):
            self._client.log_batch(self._id, metrics=metrics[start : start + _BATCH])

    def file(self, path: Path, folder: str = "") -> None:
        self._client.log_artifact(self._id, str(path), folder or None)

    def end(self, *, failed: bool) -> None:
        self._client.set_terminated(self._id, "FAILED" if failed else "FINISHED")


class _WandbRun:
    """A run of Weights & Biases, apart from the run that a program may have open."""

    def __init__(self, project: str, name: str, parameters: Mapping[str, str]) -> None:
        wandb = optional_package("wandb", "logging to Weights & Biases", "wandb")
        self._artifact = wandb.Artifact(re.sub(r"[^\w.-]+", "-", name)[:_LONGEST_ARTIFACT], type="results")
        self._run = wandb.init(
            project=project, name=name, config=dict(parameters), job_type="evaluation", reinit="create_new",
            settings=wandb.Settings(silent=True, console="off"),
        )  # fmt: skip
        self._files = 0

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        self._run.log(dict(values), step=step, commit=True)

    def file(self, path: Path, folder: str = "") -> None:
        self._artifact.add_file(str(path), "/".join(filter(None, (folder, path.name))), policy="mutable")
        self._files += 1

    def end(self, *, failed: bool) -> None:
        if self._files and not failed:
            self._run.log_artifact(self._artifact)
        self._run.finish(exit_code=int(failed))


def metric_name(text: str) -> str:
    """A name that every tracker takes.

    Example:
        >>> metric_name("Complete@10")
        'Complete_10'
    """
    return _NOT_IN_NAMES.sub("_", str(text)).strip("_ ")


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(_text, value))
    return str(value)
