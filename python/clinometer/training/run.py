"""Training by a plan: one model, one seed, one folder, over the `SentenceTransformerTrainer`.

The folder holds checkpoints during training, so that the same call resumes where a killed one stopped, and at the end
the model with `training.json`, which is written last: a folder that has it is complete.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from clinometer.contents import read_json
from clinometer.encoders.loading import locate
from clinometer.errors import FormatError, MissingExtraError, UsageError
from clinometer.files import check_folder, file_digest, json_bytes, written_whole
from clinometer.parameters import refuse_unknown_options
from clinometer.training.data import ParallelSamples, parallel_samples, prompts_for
from clinometer.training.plan import TrainingPlan
from clinometer.training.recipes import make_loss, recipe_of
from clinometer.training.teacher import teaching_correction
from clinometer.training.watchers import CHECKPOINT_MINUTES, CheckpointSchedule, watchers

__all__ = ["TrainedModel", "forget_training", "train"]

_RECORD = "training.json"
_EXPECTED = "expected the record of a training; give another folder"
_UNFINISHED = "plan.json"
_CHECKPOINTS = "checkpoints"
_WRITTEN_LAST = "trainer_state.json"  # of a checkpoint


@dataclass(frozen=True)
class TrainedModel:
    """A trained model.

    Args:
        folder: Folder of the model; `SentenceTransformer(folder)` loads it.
        plan: Plan of the training.
        record: Contents of `training.json`: plan, data, versions, losses, development results.
        new: Whether it was trained by this call; False if the folder already held it.
    """

    folder: Path
    plan: TrainingPlan
    record: dict[str, Any]
    new: bool = True


def train(
    model: str | Path,
    data: str | Path | list[str | Path],
    languages: list[str],
    output: str | Path,
    *,
    evaluator: Any = None,
    checkpoint_steps: int | None = None,
    checkpoint_minutes: float | None = CHECKPOINT_MINUTES,
    keep_checkpoints: bool = False,
    origin: Mapping[str, Any] | None = None,
    show_progress_bar: bool = False,
    **options: Any,
) -> TrainedModel:
    """Align an encoder on parallel samples.

    The same call again returns the finished model, or resumes from the last whole checkpoint; the result is the same.

    Args:
        model: Name or folder of a sentence-transformers model.
        data: Files of parallel JSONL.
        languages: Target languages.
        output: Folder for the model.
        evaluator: Sentence-transformers evaluator with a `primary_metric`, used during training in place of the
            development split.
        checkpoint_steps: Steps between checkpoints; by default a tenth of the training, but not more than 50. The last
            step and every evaluation have one as well. They do not change the result.
        checkpoint_minutes: Minutes after the last checkpoint until there is another, however few steps were made; None
            for checkpoints by steps only.
        keep_checkpoints: Leave the last checkpoints in the folder.
        origin: How the training was called, such as `{"command": ...}`, for its record.
        show_progress_bar: Draw a bar on standard error.
        **options: Options of `TrainingPlan`, such as `loss`, `samples`, `learning_rate`, `seed`.

    Raises:
        UsageError: An option cannot be used, or the folder holds another training.
        EncoderError: The model does not exist or cannot be loaded.
        MissingExtraError: The extra `train` is not installed.

    Example:
        ::

            from clinometer.training import train

            trained = train("intfloat/multilingual-e5-small", ["libreoffice-help.jsonl.gz"], ["de"], "e5-upright-de")
            print(trained.record["steps"], trained.record["seconds"])
    """
    plan = _plan(model, data, languages, options)
    schedule = CheckpointSchedule(checkpoint_steps, checkpoint_minutes).checked()
    output = Path(output)
    if finished_record := _finished(output, plan):
        return TrainedModel(output, plan, finished_record, new=False)
    _require_extra()
    checkpoint = _begun(output, plan)
    locate(plan.model)  # a wrong name is refused before texts are read
    samples = parallel_samples(
        [Path(path) for path in plan.data], plan.languages, plan.samples, plan.seed, "train", plan.dev_share,
        layout=recipe_of(plan.loss).layout, pivot=plan.pivot,
    )  # fmt: skip
    output.mkdir(parents=True, exist_ok=True)
    with written_whole(output / _UNFINISHED) as file:
        file.write(json_bytes(plan))
    started = time.monotonic()
    fitted = _fit(plan, samples, output, checkpoint, evaluator, schedule, show_progress_bar)
    record = {
        "format": "clinometer-training",
        "version": 1,
        "plan": msgspec.to_builtins(plan),
        **(origin or {}),
        "data": {path: file_digest(Path(path)) for path in plan.data},
        "samples": samples.statistics,
        "loss": json.loads(json.dumps(fitted.loss, default=_configuration)),
        "precision": fitted.precision,
        "software": _software(),
        "steps": max((entry["step"] for entry in fitted.log), default=0),
        "resumed_from": checkpoint.name if checkpoint else None,
        "seconds": round(time.monotonic() - started, 1),
        "log": fitted.log,
        "chosen_by": fitted.chosen_by,
        "development": [entry for entry in fitted.log if any(name.startswith("eval_") for name in entry)],
    }
    _save(fitted.model, output, record)
    if not keep_checkpoints:
        _remove(output / _CHECKPOINTS)
    return TrainedModel(output, plan, record)


@dataclass(frozen=True)
class _Fitted:
    model: Any
    loss: Any
    log: list[dict[str, Any]]
    precision: str
    chosen_by: str | None


def _fit(
    plan: TrainingPlan,
    samples: ParallelSamples,
    output: Path,
    checkpoint: Path | None,
    evaluator: Any,
    schedule: CheckpointSchedule,
    show_progress_bar: bool,
) -> _Fitted:
    import sentence_transformers as host
    from transformers import set_seed

    from clinometer.encoders import SentenceTransformerEncoder
    from clinometer.training.weights import Weights

    set_seed(plan.seed)
    weights = Weights.load(plan.model, freeze=plan.freeze, lora_rank=plan.lora_rank)
    model = weights.model
    own_length = model.max_seq_length
    model.max_seq_length = min(plan.max_length, own_length or plan.max_length)
    encoder = SentenceTransformerEncoder(
        model, query_prompt=plan.query_prompt, document_prompt=plan.document_prompt, max_length=model.max_seq_length
    )
    if plan.evaluations and evaluator is None:
        from clinometer.training.evaluator.mixed_pool import MixedPoolEvaluator

        evaluator = MixedPoolEvaluator.from_parallel(
            [Path(path) for path in plan.data], plan.languages, split="dev", dev_share=plan.dev_share,
            pivot=plan.pivot, sample=plan.dev_questions, query_prompt=encoder.record.query_prompt,
            document_prompt=encoder.record.document_prompt, batch_size=plan.batch_size, write_csv=False,
        )  # fmt: skip
    mini_batch_size = None if (plan.mini_batch_size or plan.batch_size) >= plan.batch_size else plan.mini_batch_size
    loss_options, languages = dict(plan.loss_options), None
    if plan.teacher == "centered":
        languages = [plan.pivot, *plan.languages]
        loss_options |= {"correction": teaching_correction(samples, encoder, output), "languages": languages}
    loss = make_loss(model, plan.loss, hold=plan.hold, options=loss_options, mini_batch_size=mini_batch_size)
    precision = weights.precision(plan.precision)
    steps = -(-len(samples) // plan.batch_size) * plan.epochs
    with_evaluation = bool(plan.evaluations)
    evaluation_steps = max(1, -(-steps // plan.evaluations)) if with_evaluation else None
    arguments = host.SentenceTransformerTrainingArguments(
        output_dir=str(output / _CHECKPOINTS),
        num_train_epochs=plan.epochs,
        per_device_train_batch_size=plan.batch_size,
        learning_rate=plan.learning_rate,
        weight_decay=plan.weight_decay,
        warmup_steps=round(plan.warmup * steps),
        lr_scheduler_type="linear",
        bf16=precision == "bfloat16",
        use_cpu=model.device.type == "cpu",
        batch_sampler="no_duplicates",
        prompts=prompts_for(samples.columns, encoder.record.query_prompt, encoder.record.document_prompt),
        eval_strategy="steps" if with_evaluation else "no",
        eval_steps=evaluation_steps,
        # The best state can only be kept if each evaluated one is saved; the other checkpoints are the watcher's.
        save_strategy="steps" if with_evaluation else "no",
        save_steps=evaluation_steps or 500,
        save_total_limit=2,
        load_best_model_at_end=with_evaluation,
        restore_callback_states_from_checkpoint=True,  # how often in a row nothing was better, for `patience`
        metric_for_best_model=f"eval_{evaluator.primary_metric}" if with_evaluation else None,
        greater_is_better=True if with_evaluation else None,
        logging_steps=max(1, min(10, steps // 5)),
        seed=plan.seed,
        data_seed=plan.seed,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    trainer = host.SentenceTransformerTrainer(
        model=model, args=arguments, train_dataset=samples.to_dataset(languages), loss=loss,
        evaluator=evaluator if with_evaluation else None,
        callbacks=watchers(schedule, plan.patience, show_progress_bar),
    )  # fmt: skip
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)  # standard output is for results
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except KeyboardInterrupt:
        last = _last_checkpoint(output)
        resumption = f"resumes from step {_step(last)}" if last else "starts again, as there is no checkpoint yet"
        sys.stderr.write(f"stopped at step {trainer.state.global_step}; the same command {resumption}\n")
        raise
    if with_evaluation and trainer.state.best_model_checkpoint:
        weights.check_equal(Path(trainer.state.best_model_checkpoint))
    weights.finish(plan.blend)
    model.max_seq_length = own_length
    log = [{name: value for name, value in entry.items() if "runtime" not in name and "per_second" not in name}
           for entry in trainer.state.log_history]  # fmt: skip
    return _Fitted(model, loss, log, precision, arguments.metric_for_best_model)


def _plan(
    model: str | Path, data: str | Path | list[str | Path], languages: list[str], options: dict[str, Any]
) -> TrainingPlan:
    files = [data] if isinstance(data, (str, Path)) else list(data)
    option_names = set(TrainingPlan.__struct_fields__) - {"model", "data", "languages"}
    refuse_unknown_options(sorted(options), sorted(option_names), "training")
    languages = [languages] if isinstance(languages, str) else list(languages)
    return TrainingPlan.of(str(model), [str(path) for path in files], languages, **options)


def _finished(output: Path, plan: TrainingPlan) -> dict[str, Any] | None:
    """The record of the same training, if the folder holds the finished model."""
    path = output / _RECORD
    if not path.exists():
        return None
    record = read_json(path, dict[str, Any], _EXPECTED)
    _refuse_another(output, record.get("plan"), plan, "a model of another training")
    return record


def _begun(output: Path, plan: TrainingPlan) -> Path | None:
    """The last complete checkpoint of the same training; incomplete ones are removed."""
    path = output / _UNFINISHED
    if not path.exists():
        if output.is_dir() and any(output.iterdir()):
            raise UsageError(f"{output} holds other files; give an empty or a new folder")
        check_folder(output, "the model")
        return None
    _refuse_another(output, read_json(path, dict[str, Any], _EXPECTED), plan, "an unfinished training")
    for checkpoint in (output / _CHECKPOINTS).glob("checkpoint-*"):
        if not _is_whole(checkpoint):
            _remove(checkpoint)
    return _last_checkpoint(output)


def forget_training(output: Path) -> None:
    """Delete a folder with a trained model or an unfinished training, or with folders of such; another one stays."""
    if not output.is_dir():
        return
    for folder in [output] if _has_training(output) else filter(_has_training, output.iterdir()):
        _remove(folder)


def _has_training(folder: Path) -> bool:
    return any((folder / name).exists() for name in (_RECORD, _UNFINISHED))


def _last_checkpoint(output: Path) -> Path | None:
    return max(filter(_is_whole, (output / _CHECKPOINTS).glob("checkpoint-*")), key=_step, default=None)


def _is_whole(checkpoint: Path) -> bool:
    """Whether the trainer wrote all of a checkpoint, to the end of its last file."""
    try:
        read_json(checkpoint / _WRITTEN_LAST, dict[str, Any], "expected the state of a trainer")
    except (FormatError, FileNotFoundError):
        return False
    return True


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _refuse_another(output: Path, earlier: Any, plan: TrainingPlan, what: str) -> None:
    try:
        differences = msgspec.convert(earlier, TrainingPlan).differences(plan)
    except msgspec.ValidationError as error:
        raise UsageError(f"{output} holds a training of another version ({error}); give another folder") from None
    if differences:
        raise UsageError(
            f"{output} holds {what}; it differs in {', '.join(differences)}; give another folder or the same options"
        )


def _save(model: Any, output: Path, record: dict[str, Any]) -> None:
    """Save the model in a temporary folder, then move its files into place; the record is written last."""
    saving = output / "saving"
    _remove(saving)
    model.save_pretrained(str(saving))
    for path in sorted(saving.iterdir()):
        target = output / path.name
        if target.is_dir():
            _remove(target)
        path.rename(target)
    saving.rmdir()
    (output / _UNFINISHED).unlink()
    with written_whole(output / _RECORD) as file:
        file.write(json.dumps(record, indent=1, ensure_ascii=False).encode() + b"\n")


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _configuration(value: Any) -> Any:
    if hasattr(value, "get_config_dict"):
        return {"class": type(value).__name__, **value.get_config_dict()}
    return str(value)


def _software() -> dict[str, str]:
    from importlib.metadata import version
    from platform import machine, python_version

    names = ("clinometer", "sentence-transformers", "transformers", "torch", "accelerate")
    return {"python": python_version(), "machine": machine(), **{name: version(name) for name in names}}


def _require_extra() -> None:
    # Importing them takes many seconds, which a refused name or folder need not wait for.
    for package in ("accelerate", "datasets", "sentence_transformers"):
        if find_spec(package) is None:
            raise MissingExtraError("training", "train")
