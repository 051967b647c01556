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

import msgspec
import numpy as np
import pytest
from support.command_line import Run, assert_complaint
from support.parallel_texts import TextEncoder

import clinometer as cm
from clinometer.adapters import Adapter
from clinometer.encoders import PrecomputedEncoder
from clinometer.errors import ClinometerError, ClinometerWarning, MissingExtraError, UsageError
from clinometer.integrations import tracking
from clinometer.integrations.tracked_training import log_adapter, log_training
from clinometer.training.plan import TrainingPlan
from clinometer.training.proof import prove
from clinometer.training.run import TrainedModel
from clinometer.training.seeds import TrainedSeeds

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

    def log_artifact(self, run: str, path: str, folder: str | None) -> None:
        self.calls.append(("file", Path(path).name))

    def set_terminated(self, run: str, status: str) -> None:
        self.calls.append(("end", status))


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client()
    monkeypatch.setitem(sys.modules, "mlflow", imitated(made))
    return made


def imitated(client: Client) -> Any:
    """A module with as much of MLflow as is used."""
    entities = SimpleNamespace(Metric=lambda *values: values, Param=lambda *values: values)
    return SimpleNamespace(entities=entities, MlflowClient=lambda: client)


def test_a_tracker_that_fails_does_not_lose_the_results(client: Client) -> None:
    client.broken = True
    with pytest.warns(ClinometerWarning, match=r"MLflow did not take the results \(the disk of the server is full\)"):
        evaluation = evaluated(log_to="mlflow:x")
    assert evaluation.rows
    assert client.calls == [("end", "FAILED")]
    with pytest.raises(ClinometerError, match="check its server and settings"):
        tracking.log(evaluation, "mlflow:x")


class Evaluator:
    name = "dev"

    def __call__(self, model: Any, output_path: Any = None, epoch: int = -1, steps: int = -1) -> dict[str, float]:
        return {"multi_Complete@10": float(model), "text": "x"}  # type: ignore[dict-item]


def ends(client: Client) -> list[str]:
    return [status for kind, status in client.calls if kind == "end"]


def test_an_evaluator_logs_each_call_in_one_run(client: Client) -> None:
    plain = Evaluator()
    watched = tracking.logged(plain, "mlflow:training")
    assert (isinstance(watched, Evaluator), type(watched).__name__) == (True, "Evaluator")
    with watched as entered:
        assert entered is watched
        assert watched(1.0, steps=10) == plain(1.0)
        watched(2.0)
        metrics = [(values[0], values[1], values[3]) for kind, values in client.calls if kind == "metric"]
        assert metrics == [("multi_Complete_10", 1.0, 10), ("multi_Complete_10", 2.0, 2)]
        assert plain(3.0) == {"multi_Complete@10": 3.0, "text": "x"}
        assert len(client.calls) == 2
    assert ends(client) == ["FINISHED"]


def interrupted(watched: Any) -> None:
    """A training that is interrupted after its first evaluation."""
    watched(1.0, steps=5)
    raise KeyboardInterrupt


def test_a_run_of_calls_is_ended_as_failed_by_an_error(client: Client) -> None:
    watched = tracking.logged(Evaluator(), "mlflow:training")
    with pytest.raises(KeyboardInterrupt), watched:
        interrupted(watched)
    assert ends(client) == ["FAILED"]
    watched(1.0)
    with pytest.raises(ValueError, match="could not convert"):
        watched("not a number")
    assert ends(client) == ["FAILED"] * 2
    client.broken = True
    with pytest.raises(ClinometerError, match="the disk of the server is full"):
        watched(1.0)
    assert ends(client) == ["FAILED"] * 3


@pytest.mark.parametrize(("last", "status"), [("", "FINISHED"), ("raise SystemError('of the program')", "FAILED")])
def test_a_run_of_calls_ends_with_the_program(tmp_path: Path, last: str, status: str) -> None:
    script = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parent), *sys.path]!r}
import test_integrations_tracking as tests
client = tests.Client()
sys.modules["mlflow"] = tests.imitated(client)
client.set_terminated = lambda run, status: print("ended", status)
watched = tests.tracking.logged(tests.Evaluator(), "mlflow:training")
watched(1.0)
{last}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout == f"ended {status}\n", done.stderr
    assert ("of the program" in done.stderr) == bool(last)


def test_a_run_whose_parameters_are_refused_is_ended(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(run: str, metrics: Any = (), params: Any = ()) -> None:
        raise RuntimeError("no room for parameters")

    monkeypatch.setattr(client, "log_batch", refused)
    with pytest.raises(ClinometerError, match="no room for parameters"):
        tracking.log(evaluated(), "mlflow:x")
    assert client.calls == [("end", "FAILED")]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedSeeds:
    """Two trained models, as their records are, with one real proof of both."""
    folder = tmp_path_factory.mktemp("trained")
    texts = {label: [f"{label} {word}" for word in ("one", "two", "three")] for label in ("en", "de")}
    lines = [
        json.dumps({"id": f"p{row}#0", "texts": {label: {"query": texts[label][row], "document": texts[label][row] * 2}
                                                 for label in texts}})
        for row in range(3)
    ]  # fmt: skip
    (folder / "pairs.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    models = []
    for seed in (1, 2):
        plan = TrainingPlan.of("org/base", ["pairs.jsonl"], ["de"], seed=seed)
        log = [
            {"step": 1, "epoch": 0.5, "loss": 3.0 + seed},
            {"step": 2, "epoch": 1.0, "loss": 2.0},
            {"step": 2, "epoch": 1.0, "eval_multi_MaxRnorm": 0.5},
        ]
        record = {"plan": msgspec.to_builtins(plan), "log": log, "steps": 2, "seconds": 1.5, "resumed_from": None}
        (folder / str(seed)).mkdir()
        (folder / str(seed) / "training.json").write_text("{}", encoding="utf-8")
        models.append(TrainedModel(folder / str(seed), plan, record))
    proof = prove(
        f"parallel:{folder / 'pairs.jsonl'}", TextEncoder, {"after-1": TextEncoder, "after-2": TextEncoder},
        folder / "evaluation", languages=["de"],
    )  # fmt: skip
    return TrainedSeeds(models, [{"multi_MaxRnorm": 0.5}, {}], [proof])


def check_training(runs: list[tuple[dict[str, float], dict[str, str], set[str]]], trained: TrainedSeeds) -> None:
    """Runs hold values, parameters and files of each model, the first seed first."""
    (rows,) = [proof.comparison.rows for proof in trained.proofs]
    for (values, described, files), seed in zip(runs, ("1", "2"), strict=True):
        assert described["plan.seed"] == seed
        assert (described["plan.languages"], described["steps"]) == ("de", "2")
        assert (values["loss"], values["eval_multi_MaxRnorm"]) == (2.0, 0.5)
        assert values.get("kept/multi_MaxRnorm") == {"1": 0.5, "2": None}[seed]
        own = [row for row in rows if row["encoder"] == f"after-{seed}"]
        expected = [row["difference"] for row in own if row["difference"] is not None]
        differences = {name: value for name, value in values.items() if "/difference/" in name}
        assert sorted(differences.values()) == pytest.approx(sorted(expected))
        after = [
            row["after"]
            for row in own
            if (row["measure"], row["scenario"], row["query_language"]) == ("MaxRnorm", "multi", "macro")
        ]
        assert [values["parallel-pairs.jsonl/after/multi/macro/MaxRnorm"]] == after
        assert {"training.json", "parallel-pairs.jsonl/comparison.md"} <= files


def test_a_training_has_a_run_for_each_model(client: Client, trained: TrainedSeeds) -> None:
    log_training(trained, "mlflow:training")
    assert ends(client) == ["FINISHED"] * 2
    metrics = [metric for kind, metric in client.calls if kind == "metric"]
    assert [(value, step) for name, value, _, step in metrics if name == "loss"] == [(4, 1), (2, 2), (5, 1), (2, 2)]
    # Values of the end are at the last step, which Weights & Biases takes once.
    assert {step for name, _, _, step in metrics if "/difference/" in name or name.startswith("kept/")} == {2}


def test_an_adapter_has_a_run(client: Client, trained: TrainedSeeds, tmp_path: Path) -> None:
    adapter = Adapter.identity(3, rank=2)
    adapter.save(tmp_path / "adapter.safetensors")
    history = [{"epoch": 0.0, "dev": 2.0}, {"epoch": 1.0, "train": 1.5, "dev": 1.0}]
    log_adapter(adapter, history, tmp_path / "adapter.safetensors", trained.proofs, "mlflow:adapters")
    metrics = [metric for kind, metric in client.calls if kind == "metric"]
    assert [(value, step) for name, value, _, step in metrics if name == "dev"] == [(2.0, 0), (1.0, 1)]
    assert any("/after/" in name for name, *_ in metrics)
    assert ("file", "adapter.safetensors") in client.calls
    assert ends(client) == ["FINISHED"]


def test_train_refuses_a_tracker_before_the_work(run: Run, tmp_path: Path) -> None:
    arguments = (
        "train",
        "absent/model",
        "--data",
        tmp_path / "absent.jsonl",
        "--language",
        "de",
        "-o",
        tmp_path / "out",
    )
    assert_complaint(run(*arguments, "--log-to", "mlfow:x"), 2, "did you mean mlflow")
    assert not (tmp_path / "out").exists()


def test_train_logs_an_adapter(
    run: Run, client: Client, trained: TrainedSeeds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import clinometer.adapters

    identity = Adapter.identity(512, rank=2)
    adapter = Adapter(identity.kind, identity.arrays, {"data": {"training": {"warnings": []}}})
    learned = (adapter, [{"epoch": 0.0, "dev": 2.0}])
    monkeypatch.setattr(clinometer.adapters, "train_adapter", lambda *_, **__: learned, raising=False)
    data = trained.models[0].folder.parent / "pairs.jsonl"
    arguments = ("train", "offline", "--adapter", "low-rank", "--data", data, "--language", "de")
    done = run(*arguments, "-o", tmp_path / "out", "--log-to", "mlflow:x")
    assert (done.code, ends(client)) == (0, ["FINISHED"]), done.err
    assert done.err.endswith("logged to mlflow:x\n")
    client.broken = True
    done = run(*arguments, "-o", tmp_path / "other", "--log-to", "mlflow:x")
    assert (done.code, "clinometer: MLflow did not take the results" in done.err) == (1, True)
    assert (tmp_path / "other" / "adapter.safetensors").exists()
    assert "adapter.safetensors: low-rank" in done.out


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
def test_a_real_server_of_mlflow_has_what_was_trained(
    server: str, trained: TrainedSeeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    mlflow.set_tracking_uri(server)
    log_training(trained, "mlflow:straightened")
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("straightened")
    runs = client.search_runs([experiment.experiment_id], order_by=["params.`plan.seed`"])
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert [metric.value for metric in client.get_metric_history(runs[0].info.run_id, "loss")] == [4.0, 2.0]

    def paths(run: Any) -> set[str]:
        folders = client.list_artifacts(run.info.run_id)
        inner = [
            file for folder in folders if folder.is_dir for file in client.list_artifacts(run.info.run_id, folder.path)
        ]
        return {file.path for file in [*folders, *inner]}

    check_training([(run.data.metrics, run.data.params, paths(run)) for run in runs], trained)
    with pytest.raises(KeyboardInterrupt), tracking.logged(Evaluator(), "mlflow:calls") as watched:
        interrupted(watched)
    (calls,) = client.search_runs([client.get_experiment_by_name("calls").experiment_id])
    assert (calls.info.status, calls.data.metrics) == ("FAILED", {"multi_Complete_10": 1.0})


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of Weights & Biases without a network, which it reads once in a process."""
    pytest.importorskip("wandb", reason="wandb is not installed (make test-tracking)")
    folder = tmp_path_factory.mktemp("wandb")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("WANDB_MODE", "offline"), ("WANDB_DIR", str(folder)), ("WANDB_SILENT", "true")):
            patch.setenv(name, value)
        yield folder


@tracker
@pytest.mark.timeout(600)
def test_weights_and_biases_has_what_was_trained(
    offline: Path, trained: TrainedSeeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    import wandb

    ended: list[Any] = []
    monkeypatch.setattr(tracking._WandbRun, "end", _kept(tracking._WandbRun.end, ended))
    files: list[str] = []
    add = wandb.Artifact.add_file

    def added(self: Any, path: str, name: str, **options: Any) -> Any:
        files.append(name)
        return add(self, path, name, **options)

    monkeypatch.setattr(wandb.Artifact, "add_file", added)
    log_training(trained, "wandb:straightened")
    check_training([(summary, config, set(files)) for summary, config, _ in ended], trained)
    with tracking.logged(Evaluator(), "wandb:calls") as watched:
        watched(1.0, steps=5)
    assert ended[2][0]["multi_Complete_10"] == 1.0
    assert wandb.run is None


@tracker
@pytest.mark.timeout(600)
def test_weights_and_biases_offline(offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    ended: list[Any] = []
    monkeypatch.setattr(tracking._WandbRun, "end", _kept(tracking._WandbRun.end, ended))
    earlier = {*offline.rglob("run-*.wandb")}
    evaluation = evaluated(log_to="wandb:lean")
    (summary, config, project) = ended[0]
    figures = tracking.figures(evaluation)
    assert {name: summary[name] for name in figures} == pytest.approx(figures)
    assert config == tracking.parameters(evaluation)
    assert project == "lean"
    (written,) = {*offline.rglob("run-*.wandb")} - earlier
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
