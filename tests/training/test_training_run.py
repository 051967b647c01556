"""Training by a plan on a tiny random model: what moves, what is kept, and what a killed run leaves behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import tiny_transformer

import clinometer as cm
from clinometer.correction import Center
from clinometer.correction import load as load_correction
from clinometer.errors import EncoderError, UsageError
from clinometer.training import TrainingPlan, train
from clinometer.training.recipes import RECIPES, make_loss, recipe_of

pytestmark = [
    pytest.mark.models,
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    pytest.importorskip("accelerate")
    sentence_transformers = pytest.importorskip("sentence_transformers")
    from sentence_transformers.evaluation import SentenceEvaluator

ITEMS = 48


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model with dropout, so that a resumed run must take up its random numbers as well."""
    folder = tmp_path_factory.mktemp("base")
    tiny_transformer.build(folder / "parts", dropout=0.2).save(str(folder / "model"))
    return folder / "model"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "pairs.jsonl"
    texts = {
        language: [tiny_transformer.sentences(ITEMS, language, seed=seed) for seed in (1, 2)]
        for language in ("en", "de", "zh")
    }
    lines = [
        {
            "id": f"page{row}#0",
            "texts": {name: {"query": q[row], "document": f"{d[row]} {d[row]}"} for name, (q, d) in texts.items()},
        }
        for row in range(ITEMS)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


OPTIONS: dict[str, Any] = {
    "loss": "pool+mono",
    "batch_size": 8,
    "epochs": 2,
    "learning_rate": 2e-3,
    "precision": "float32",
    "dev_share": 0.0,
}


def state(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = sentence_transformers.SentenceTransformer(str(folder), device="cpu").state_dict()
    return found


def same(one: dict[str, Any], two: dict[str, Any]) -> bool:
    return set(one) == set(two) and all(torch.equal(one[key], two[key]) for key in one)


def test_a_run_writes_a_model_and_its_record_and_is_not_run_twice(
    base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = train(base, data, ["de", "zh"], tmp_path / "out", show_progress_bar=True, **OPTIONS)
    printed = capsys.readouterr()
    assert printed.out == ""  # standard output is for results
    assert "training" in printed.err
    record = json.loads((tmp_path / "out" / "training.json").read_text(encoding="utf-8"))
    assert record == json.loads(json.dumps(trained.record))
    assert record["steps"] == 2 * 2 * ITEMS / 8
    assert record["plan"]["languages"] == ["de", "zh"]
    assert record["samples"]["samples"] == {"de": ITEMS, "zh": ITEMS}
    assert set(record["data"]) == {str(data)}
    losses = [entry["loss"] for entry in record["log"] if "loss" in entry]
    assert losses[-1] < 0.8 * losses[0]
    rates = [entry["learning_rate"] for entry in record["log"] if "learning_rate" in entry]
    assert max(rates) <= OPTIONS["learning_rate"]
    assert rates[-1] < 0.3 * max(rates)  # it falls to 0
    assert not (tmp_path / "out" / "checkpoints").exists()
    assert not (tmp_path / "out" / "plan.json").exists()
    assert not same(state(tmp_path / "out"), state(base))
    again = train(base, data, ["de", "zh"], tmp_path / "out", **OPTIONS)
    assert trained.new
    assert not again.new
    with pytest.raises(UsageError, match=r"holds a model of another training; it differs in seed \(42, now 7\); give"):
        train(base, data, ["de", "zh"], tmp_path / "out", seed=7, **OPTIONS)


def test_the_same_seed_gives_the_same_model_and_another_seed_another(base: Path, data: Path, tmp_path: Path) -> None:
    options = {**OPTIONS, "epochs": 1}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(base, data, ["de"], tmp_path / name, seed=seed, **options)
    assert same(state(tmp_path / "a"), state(tmp_path / "b"))
    assert not same(state(tmp_path / "a"), state(tmp_path / "c"))


def test_the_first_state_of_low_rank_differences_follows_from_the_seed(base: Path, data: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    options = {**OPTIONS, "epochs": 1, "lora_rank": 2}
    for name in ("a", "b"):
        train(base, data, ["de"], tmp_path / name, seed=1, **options)
    assert same(state(tmp_path / "a"), state(tmp_path / "b"))


def is_json(path: Path) -> bool:
    """Whether a file that another process writes is there to its end."""
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, FileNotFoundError):
        return False
    return True


@pytest.mark.parametrize(
    "more",
    [{"hold": 1.0, "blend": 0.7}, {"lora_rank": 2}, {"loss": "relational", "teacher": "centered", "hold": 1.0}],
    ids=["held", "lora", "centered"],
)
def test_a_killed_run_resumes_to_the_same_model(base: Path, data: Path, tmp_path: Path, more: dict[str, Any]) -> None:
    if "lora_rank" in more:
        pytest.importorskip("peft")
    options = {**OPTIONS, "epochs": 6, **more}
    train(base, data, ["de", "zh"], tmp_path / "whole", **options)
    script = (
        "import sys, json; from clinometer.training import train\n"
        "base, data, out, options = sys.argv[1:]\n"
        "train(base, data, ['de', 'zh'], out, checkpoint_steps=5, **json.loads(options))\n"
    )
    killed = tmp_path / "killed"
    arguments = [sys.executable, "-c", script, str(base), str(data), str(killed), json.dumps(options)]
    # The same number of threads as here: sums of another shape have other last bits.
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    process = subprocess.Popen(arguments, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not any(map(is_json, killed.glob("checkpoints/checkpoint-*/trainer_state.json"))):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "training.json").exists()
    with pytest.raises(UsageError, match=r"holds an unfinished training; it differs in epochs \(6, now 2\)"):
        train(base, data, ["de", "zh"], killed, **{**options, "epochs": 2})
    # What a kill in the middle of writing would leave: it must be thrown away, not loaded.
    for number, begun in ((998, b""), (999, None)):
        half = killed / "checkpoints" / f"checkpoint-{number}"
        half.mkdir()
        if begun is not None:
            (half / "trainer_state.json").write_bytes(begun)
    resumed = train(base, data, ["de", "zh"], killed, checkpoint_steps=5, **options)
    assert resumed.record["resumed_from"].startswith("checkpoint-")
    assert resumed.record["resumed_from"] not in ("checkpoint-998", "checkpoint-999")
    assert same(state(killed), state(tmp_path / "whole"))


def test_a_centered_teacher_is_fitted_on_the_training_texts(base: Path, data: Path, tmp_path: Path) -> None:
    options = {**OPTIONS, "loss": "relational", "teacher": "centered"}
    trained = train(base, data, ["de", "zh"], tmp_path / "out", **options)
    encoder = cm.encoder(str(base), max_length=options.get("max_length", 128))
    sides = {}
    for queries in (False, True):
        texts, languages = [], []
        for language in ("de", "en", "zh"):
            own = tiny_transformer.sentences(ITEMS, language, seed=1 if queries else 2)
            texts += own if queries else [f"{text} {text}" for text in own]
            languages += [language] * ITEMS
        rows = encoder.encode_queries(texts) if queries else encoder.encode_documents(texts)
        sides[queries] = rows, languages
    expected = Center.fit(*sides[False], *sides[True])
    saved = load_correction(tmp_path / "out" / "teacher-center.npz")
    assert saved.languages == ("de", "en", "zh")
    for name, array in expected.arrays.items():
        assert np.allclose(saved.arrays[name], array, atol=1e-5), name
    loss = trained.record["loss"]
    assert loss["languages"] == ["en", "de", "zh"]
    assert loss["correction"]["documents_fitted"] == dict.fromkeys(("de", "en", "zh"), ITEMS)
    losses = [entry["loss"] for entry in trained.record["log"] if "loss" in entry]
    assert losses[-1] < 0.9 * losses[0]
    with pytest.raises(UsageError, match=r"the loss 'jsd\+nce' does not learn from a centered teacher; choose upright"):
        train(base, data, ["de"], tmp_path / "other", loss="jsd+nce", teacher="centered")
    with pytest.raises(UsageError, match=r"unknown value 'turned' of teacher; expected pivot or centered"):
        train(base, data, ["de"], tmp_path / "other", teacher="turned")


class Interrupted(SentenceEvaluator):  # type: ignore[misc, unused-ignore]
    """An evaluator that likes the first state best, and may be interrupted at one of its calls."""

    def __init__(self, interrupted_at: int | None = None, calls: int = 0) -> None:
        super().__init__()
        self.primary_metric = "liking"
        self.interrupted_at, self.calls = interrupted_at, calls

    def __call__(self, model: Any, *arguments: Any, **options: Any) -> dict[str, float]:
        self.calls += 1
        if self.calls == self.interrupted_at:
            raise KeyboardInterrupt
        return {"liking": 1.0 / self.calls}


def test_a_short_training_has_checkpoints(base: Path, data: Path, tmp_path: Path) -> None:
    trained = train(base, data, ["de"], tmp_path / "out", keep_checkpoints=True, **OPTIONS)
    steps = 2 * ITEMS // 8
    assert trained.record["steps"] == steps
    folders = sorted(int(path.name.rpartition("-")[2]) for path in (tmp_path / "out" / "checkpoints").iterdir())
    assert folders == [steps - 2, steps]  # every second one, of which the last two are left


def test_checkpoints_by_minutes(base: Path, data: Path, tmp_path: Path) -> None:
    options = {**OPTIONS, "checkpoint_steps": 1000, "keep_checkpoints": True}
    for minutes, expected in ((1e-9, [11, 12]), (1000.0, [12]), (None, [12])):
        output = tmp_path / str(minutes)
        train(base, data, ["de"], output, checkpoint_minutes=minutes, **options)
        assert sorted(int(path.name.rpartition("-")[2]) for path in (output / "checkpoints").iterdir()) == expected


def test_an_interrupted_training_says_where_it_resumes_and_keeps_its_patience(
    base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {**OPTIONS, "evaluations": 12, "patience": 4, "dev_share": 0.2, "epochs": 4, "checkpoint_steps": 1}
    whole = train(base, data, ["de"], tmp_path / "whole", evaluator=Interrupted(), **options)
    with pytest.raises(KeyboardInterrupt):
        train(base, data, ["de"], tmp_path / "out", evaluator=Interrupted(interrupted_at=4), **options)
    interval = whole.record["development"][0]["step"]
    assert f"stopped at step {4 * interval}; the same command resumes from step" in capsys.readouterr().err
    resumed = train(base, data, ["de"], tmp_path / "out", evaluator=Interrupted(calls=3), **options)
    assert resumed.record["resumed_from"] is not None
    assert resumed.record["steps"] == whole.record["steps"] == 5 * interval  # the best, then four that are not better
    assert same(state(tmp_path / "out"), state(tmp_path / "whole"))


def test_a_training_interrupted_before_a_checkpoint_says_so(
    base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {**OPTIONS, "evaluations": 4, "dev_share": 0.2, "checkpoint_steps": 1000}
    with pytest.raises(KeyboardInterrupt):
        train(base, data, ["de"], tmp_path / "out", evaluator=Interrupted(interrupted_at=1), **options)
    assert "; the same command starts again, as there is no checkpoint yet" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["training.json", "plan.json"])
def test_a_training_by_another_version_is_not_taken_for_this_one(base: Path, tmp_path: Path, name: str) -> None:
    plan = {"model": "m", "data": ["d"], "languages": ["de"], "blend": None}
    (tmp_path / "out").mkdir()
    text = json.dumps({"plan": plan} if name == "training.json" else plan)
    (tmp_path / "out" / name).write_text(text)
    with pytest.raises(UsageError, match=r"out holds a training of another version .*; give another folder"):
        train(base, "d", ["de"], tmp_path / "out")
    assert (tmp_path / "out" / name).read_text() == text


def test_word_embeddings_stay_where_they_are_unless_told(base: Path, data: Path, tmp_path: Path) -> None:
    before = state(base)
    words = next(key for key in before if "word_embeddings" in key)
    for freeze in ("embeddings", "nothing"):
        train(base, data, ["de"], tmp_path / freeze, freeze=freeze, **OPTIONS)
        assert torch.equal(state(tmp_path / freeze)[words], before[words]) == (freeze == "embeddings")


def test_blend_lies_between_the_untrained_and_the_trained_model(base: Path, data: Path, tmp_path: Path) -> None:
    found = {}
    for blend in (0.0, 0.5, 1.0):
        train(base, data, ["de"], tmp_path / str(blend), blend=blend, **OPTIONS)
        found[blend] = state(tmp_path / str(blend))
    assert same(found[0.0], state(base))
    for key in found[0.5]:
        torch.testing.assert_close(found[0.5][key], (found[0.0][key] + found[1.0][key]) / 2)


def test_lora_moves_only_attention_and_leaves_a_plain_model(base: Path, data: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    train(base, data, ["de"], tmp_path / "lora", lora_rank=2, **OPTIONS)
    before, after = state(base), state(tmp_path / "lora")
    assert set(before) == set(after)
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    assert moved
    assert all("query" in key or "value" in key for key in moved)


def test_the_best_state_is_kept_and_training_can_stop_early(base: Path, data: Path, tmp_path: Path) -> None:
    class Falling(SentenceEvaluator):  # type: ignore[misc, unused-ignore]
        """An evaluator that likes the first state best."""

        def __init__(self) -> None:
            super().__init__()
            self.primary_metric = "liking"
            self.calls = 0

        def __call__(self, model: Any, *arguments: Any, **options: Any) -> dict[str, float]:
            self.calls += 1
            return {"liking": 1.0 / self.calls}

    judge = Falling()
    options = {**OPTIONS, "evaluations": 6, "patience": 2, "dev_share": 0.2, "epochs": 4}
    trained = train(base, data, ["de"], tmp_path / "out", evaluator=judge, **options)
    assert judge.calls == 3  # the first, and two without a better one
    assert trained.record["steps"] == 3 * trained.record["development"][0]["step"]
    short = {**OPTIONS, "epochs": 4, "dev_share": 0.2}
    whole = train(base, data, ["de"], tmp_path / "whole", keep_checkpoints=True, checkpoint_steps=1, **short)
    assert whole.record["steps"] > trained.record["steps"]
    assert not same(state(tmp_path / "out"), state(tmp_path / "whole"))


def test_a_folder_with_other_files_is_refused(base: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UsageError, match="holds other files; give an empty or a new folder"):
        train(base, data, ["de"], tmp_path, **OPTIONS)
    with pytest.raises(UsageError, match="is a file; give a folder for the model"):
        train(base, data, ["de"], tmp_path / "mine.txt", **OPTIONS)
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_a_model_that_is_not_there_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"the model folder ./no-such-model does not exist; check the path"):
        train("./no-such-model", data, ["de"], tmp_path / "out", **OPTIONS)


def test_losses_by_name(base: Path) -> None:
    model = sentence_transformers.SentenceTransformer(str(base), device="cpu")
    assert make_loss(model, "jsd+nce", options={"scale": 7.0}).scale == 7.0
    assert type(make_loss(model, "clear")).__name__ == "ClearLoss"
    assert make_loss(model, "lakda", options={"alpha": 0.25}).alpha == 0.25
    assert recipe_of("lakda").layout == "clear"
    assert make_loss(model, "distill").target == "pivot"
    held = make_loss(model, "jsd+nce", hold=3.0)
    assert held.losses["hold"].weight == 3.0
    assert make_loss(model, "jsd+nce", mini_batch_size=4).mini_batch_size == 4
    with pytest.raises(UsageError, match="the loss 'clear' does not have all of the options colour"):
        make_loss(model, "clear", options={"colour": 1})
    assert make_loss(model, "jsd+nce", hold=3.0, mini_batch_size=4).loss.losses["hold"].weight == 3.0
    assert recipe_of("nce+pool").layout == "alignment+query"
    upright = make_loss(model, "upright", options={"scale": 30.0})
    assert type(upright).__name__ == "RelationalDistillationLoss"
    assert upright.scale == 30.0
    assert make_loss(model, "upright", mini_batch_size=4).loss.scale == 50.0


def test_a_recipe_fills_what_a_plan_leaves_open() -> None:
    places: dict[str, Any] = {"model": "m", "data": ["d"], "languages": ["de"]}
    upright, paper = TrainingPlan.of(**places), TrainingPlan.of(**places, loss="jsd+nce")
    own = RECIPES["upright"]
    assert (upright.batch_size, upright.learning_rate, upright.blend) == (own.batch_size, own.learning_rate, own.blend)
    assert (paper.batch_size, paper.max_length, paper.blend) == (16, 128, 1.0)
    assert (upright.mini_batch_size, paper.mini_batch_size) == (own.mini_batch_size, None)
    assert TrainingPlan.of(**places, batch_size=8, blend=None).batch_size == 8


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"languages": []}, "no languages were given"),
        ({"data": []}, "no data was given"),
        ({"loss": "jsd+jsd"}, "unknown loss 'jsd[+]jsd'"),
        ({"batch_size": 1}, "batch_size is 1, but must be 2 or more"),
        ({"blend": 1.5}, "blend is 1.5, but must lie between 0 and 1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0, but must be greater than 0"),
        ({"samples": 0}, "samples is 0, but must be 1 or more"),
        ({"evaluations": 2, "dev_share": 0.0}, "evaluations is set, but no data is kept for them"),
        ({"patience": 2}, "patience counts evaluations during training, but evaluations is 0"),
        ({"precision": "float8"}, "unknown precision 'float8'"),
        ({"freeze": "head"}, "unknown value 'head' of freeze"),
        ({"hold": -1.0}, "hold is -1.0, but cannot be negative"),
    ],
)
def test_a_plan_that_cannot_be_used_says_why(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        TrainingPlan.of(**{"model": "m", "data": ["d"], "languages": ["de"], **options})


def test_an_unknown_option_is_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown option colour of training; expected batch_size, blend"):
        train("m", "d", ["de"], tmp_path / "out", colour=1)


def test_a_best_checkpoint_that_was_not_loaded_is_noticed(base: Path, tmp_path: Path) -> None:
    from clinometer.training.weights import Weights

    weights = Weights.load(str(base))
    shutil.copytree(base, tmp_path / "best")
    weights.check_equal(tmp_path / "best")
    with torch.no_grad():
        next(weights.model.parameters()).add_(1)
    with pytest.raises(EncoderError, match="could not be reloaded"):
        weights.check_equal(tmp_path / "best")
