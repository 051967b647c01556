"""Results in MLflow and Weights & Biases: names, parameters, files; a real server, and the offline mode."""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import pytest

import clinometer as cm
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import ClinometerError, ClinometerWarning, MissingExtraError, UsageError
from clinometer.integrations import tracking

tracker = pytest.mark.tracking


def collection() -> cm.Collection:
    builder = cm.CollectionBuilder("two")
    for label in ("en", "de", "zh"):
        for topic in range(2):
            builder.add_document(f"{label}{topic}", f"{topic} {label}", label, group=str(topic))
            builder.add_query(f"q{label}{topic}", f"{topic} {label}?", label, group=str(topic))
    for label in ("en", "de", "zh"):
        for other in ("en", "de", "zh"):
            for topic in range(2):
                builder.judge(f"q{label}{topic}", f"{other}{topic}")
    return builder.build()


def evaluated(**options: Any) -> cm.Evaluation:
    rows = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    return cm.evaluate(collection(), PrecomputedEncoder(rows, rows, name="org/rows"), resamples=0, **options)


@pytest.mark.parametrize("wrong", ["mlflow", "mlflow:", "wandb: ", "tensorboard:x", "", 7])
def test_targets_that_are_refused(wrong: Any) -> None:
    with pytest.raises(UsageError, match="but must be mlflow:EXPERIMENT or wandb:PROJECT"):
        tracking.read_target(wrong)
    with pytest.raises(UsageError, match="did you mean mlflow"):
        tracking.read_target("mlfow:x")


def test_every_value_has_a_name_that_trackers_take() -> None:
    evaluation = evaluated()
    figures = tracking.figures(evaluation)
    assert len(figures) == sum(row["value"] is not None for row in evaluation.rows)
    assert all(tracking._NOT_IN_NAMES.search(name) is None for name in figures)
    assert figures["multi/macro-target/Complete_10"] == evaluation.value("Complete@10", "multi", "macro-target")
    # English queries meet a pool with each of the other languages.
    assert figures["multi/en/en-de/MaxR"] == evaluation.value("MaxR", "multi", "en", ["en", "de"])
    described = tracking.parameters(evaluation)
    assert described["encoder.name"] == "org/rows"
    assert described["collection.languages"] == "en,de,zh"
    assert all(len(value) <= 250 for value in described.values())


def test_a_missing_package_is_named_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtraError, match=r"logging to MLflow needs .*clinometer\[mlflow\]"):
        evaluated(log_to="mlflow:x")


class Client:
    """As much of MLflow's client as is used, in memory."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.broken = False

    def get_experiment_by_name(self, name: str) -> None:
        return None

    def create_experiment(self, name: str) -> str:
        return "7"

    def create_run(self, number: str, run_name: str) -> Any:
        return SimpleNamespace(info=SimpleNamespace(run_id="r"))

    def log_batch(self, run: str, metrics: Any = (), params: Any = ()) -> None:
        if self.broken and metrics:
            raise RuntimeError("the disk of the server is full\nat line 5")
        assert len(metrics) <= 500
        assert len(params) <= 100
        self.calls += [("metric", metric) for metric in metrics]

    def log_artifact(self, run: str, path: str) -> None:
        self.calls.append(("file", Path(path).name))

    def set_terminated(self, run: str, status: str) -> None:
        self.calls.append(("end", status))


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client()
    entities = SimpleNamespace(Metric=lambda *values: values, Param=lambda *values: values)
    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace(entities=entities, MlflowClient=lambda: made))
    return made


def test_a_tracker_that_fails_does_not_lose_the_results(client: Client) -> None:
    client.broken = True
    with pytest.warns(ClinometerWarning, match=r"MLflow did not take the results \(the disk of the server is full\)"):
        evaluation = evaluated(log_to="mlflow:x")
    assert evaluation.rows
    assert client.calls == [("end", "FAILED")]
    with pytest.raises(ClinometerError, match="check its server and settings"):
        tracking.log(evaluation, "mlflow:x")


def test_an_evaluator_logs_each_call_in_one_run(client: Client) -> None:
    class Evaluator:
        name = "dev"

        def __call__(self, model: Any, output_path: Any = None, epoch: int = -1, steps: int = -1) -> dict[str, float]:
            return {"multi_Complete@10": float(model), "text": "x"}  # type: ignore[dict-item]

    plain = Evaluator()
    watched = tracking.logged(plain, "mlflow:training")
    assert isinstance(watched, Evaluator)
    assert type(watched).__name__ == "Evaluator"
    assert watched(1.0, steps=10) == plain(1.0)
    watched(2.0)
    metrics = [(values[0], values[1], values[3]) for kind, values in client.calls if kind == "metric"]
    assert metrics == [("multi_Complete_10", 1.0, 10), ("multi_Complete_10", 2.0, 2)]
    assert plain(3.0) == {"multi_Complete@10": 3.0, "text": "x"}
    assert len(client.calls) == 2


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server of MLflow with a SQLite store, on this machine."""
    if find_spec("mlflow.server") is None or find_spec("fastapi") is None:
        pytest.skip("MLflow and its server are not installed (make test-tracking)")
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder / 'runs.db'}", "--artifacts-destination", str(folder / "files"),
    ]  # fmt: skip
    with (folder / "log").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        address = f"http://127.0.0.1:{port}"
        try:
            for _ in range(240):
                try:
                    urlopen(f"{address}/health", timeout=5)
                    break
                except (URLError, OSError):
                    assert process.poll() is None, (folder / "log").read_text()
                    time.sleep(1)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)


@tracker
@pytest.mark.timeout(600)
def test_a_real_server_of_mlflow_has_what_was_measured(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    mlflow.set_tracking_uri(server)
    evaluation = evaluated(log_to="mlflow:lean of retrievers")
    again = evaluated(log_to="mlflow:lean of retrievers")
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("lean of retrievers")
    runs = client.search_runs([experiment.experiment_id])
    assert [run.info.status for run in runs] == ["FINISHED", "FINISHED"]
    assert again.rows == evaluation.rows
    assert runs[0].data.metrics == pytest.approx(tracking.figures(evaluation))
    assert runs[0].data.params == tracking.parameters(evaluation)
    assert {file.path for file in client.list_artifacts(runs[0].info.run_id)} == {"results.json", "report.md"}
    stored = json.loads(Path(client.download_artifacts(runs[0].info.run_id, "results.json")).read_text())
    assert len(stored["rows"]) == len(evaluation.rows)
    assert mlflow.active_run() is None


@tracker
@pytest.mark.timeout(600)
def test_weights_and_biases_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb", reason="wandb is not installed (make test-tracking)")
    for name, value in (("WANDB_MODE", "offline"), ("WANDB_DIR", str(tmp_path)), ("WANDB_SILENT", "true")):
        monkeypatch.setenv(name, value)
    ended: list[Any] = []
    monkeypatch.setattr(tracking._WandbRun, "end", _kept(tracking._WandbRun.end, ended))
    evaluation = evaluated(log_to="wandb:lean")
    (summary, config, project) = ended[0]
    figures = tracking.figures(evaluation)
    assert {name: summary[name] for name in figures} == pytest.approx(figures)
    assert config == tracking.parameters(evaluation)
    assert project == "lean"
    (written,) = (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")
    content = written.read_bytes()
    assert b"results.json" in content
    assert b"report.md" in content
    assert wandb.run is None
    assert math.isfinite(sum(figures.values()))


def _kept(end: Any, ended: list[Any]) -> Any:
    def wrapped(self: Any, *, failed: bool) -> None:
        run = self._run
        ended.append((dict(run.summary), dict(run.config), run.project))
        end(self, failed=failed)

    return wrapped
