"""`clinometer train`: align an encoder on parallel samples, and measure the effect on other collections."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clinometer.cli.completion import losses
from clinometer.cli.config import options_of_file, origin
from clinometer.cli.earlier import Force
from clinometer.cli.encoder_options import MaxLength, Prompts
from clinometer.cli.expansion import OptionGroup, option, output_option
from clinometer.cli.option_groups import Json, LogTo, Pivot, Progress, split_names, without_none
from clinometer.cli.output import tell_logged
from clinometer.cli.remedies import warn
from clinometer.cli.terminal import show, terminal
from clinometer.errors import UsageError
from clinometer.numerals import read_int

if TYPE_CHECKING:
    from clinometer.adapters import Adapter
    from clinometer.training.proof import Proof
    from clinometer.training.seeds import TrainedSeeds

__all__ = ["train"]


@dataclass(frozen=True)
class _Data(OptionGroup):
    panel = "Training data"

    data: Annotated[list[Path], option("FILE", "Parallel JSONL file; may be repeated.")]
    language: Annotated[list[str], option("A,B,...", "Target languages; may be repeated.")]
    samples: Annotated[int, option("N", "Maximum number of samples per language.", min=1)] = 2800
    pivot: Pivot = "en"
    dev_share: Annotated[float, option("X", "Share of the pages for development.")] = 0.1


@dataclass(frozen=True)
class _Recipe(OptionGroup):
    panel = "Recipe"

    loss: Annotated[
        str | None,
        option(
            "NAME",
            "Loss: upright (the default), jsd+nce (the paper's), clear, lakda, distill, or A+B+...",
            autocompletion=losses,
        ),
    ] = None
    scale: Annotated[float | None, option("X", "Factor of cosines.")] = None
    teacher: Annotated[
        str, option("pivot|centered", "Similarities that the loss upright or an adapter learns: pivot's, or centered.")
    ] = "pivot"
    hold: Annotated[float | None, option("W", "Weight of the pull towards the untrained model.")] = None
    blend: Annotated[float | None, option("X", "Mixture of the untrained (0) and the trained (1) model.")] = None
    freeze: Annotated[str, option("embeddings|nothing", "Part of the model that is not trained.")] = "embeddings"
    adapter: Annotated[
        str | None, option("low-rank|linear", "Map on the embeddings of any encoder, trained instead of the model.")
    ] = None
    lora_rank: Annotated[int | None, option("N", "Rank of low-rank updates to train (needs peft).", min=1)] = None
    seed: Annotated[str, option("N,M,...", "Seeds, one model for each.")] = "42"

    @property
    def seeds(self) -> list[int]:
        """The seeds as numbers.

        Raises:
            UsageError: They are not different whole numbers of 0 or more.
        """
        try:
            numbers = [read_int(part.strip()) for part in self.seed.split(",")]
        except ValueError:
            raise UsageError(
                f"--seed is {self.seed!r}; give whole numbers joined by commas, such as 42,43,44"
            ) from None
        if len(set(numbers)) < len(numbers) or min(numbers) < 0:
            raise UsageError(f"--seed is {self.seed!r}; give different numbers that are not negative")
        return numbers

    def __post_init__(self) -> None:
        _ = self.seeds


@dataclass(frozen=True)
class _Steps(OptionGroup):
    panel = "Steps"

    epochs: Annotated[
        int | None, option("N", "Passes over the data; 1 by default, at most 20 for an adapter.", min=1)
    ] = None
    batch_size: Annotated[
        int | None, option("N", "Samples in a step; by default the recipe's own, 256 for an adapter.", min=2)
    ] = None
    mini_batch_size: Annotated[int | None, option("N", "Texts in memory at a time (GradCache).", min=1)] = None
    learning_rate: Annotated[float | None, option("X", "Highest learning rate.")] = None
    max_length: MaxLength = None
    precision: Annotated[str, option("auto|float32|bfloat16", "Precision of the computation.")] = "auto"
    evaluations: Annotated[
        int, option("N", "Number of evaluations of the development split; the best state is kept.", min=0)
    ] = 0
    patience: Annotated[
        int | None, option("N", "Number of evaluations without improvement before training stops.", min=1)
    ] = None
    checkpoint_steps: Annotated[
        int | None,
        option("N", "Steps between checkpoints to resume from; by default a tenth of the run, at most 50.", min=1),
    ] = None
    checkpoint_minutes: Annotated[
        float | None, option("X", "Longest time without a checkpoint, in minutes; 10 by default.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class _Proof(Progress):
    output: Annotated[Path, output_option("DIR", "Folder for the model.")]
    evaluate: Annotated[
        list[str] | None, option("SOURCE", "Collection to evaluate before and after; may be repeated.")
    ] = None
    json: Json = False
    log_to: LogTo = None
    force: Force = False


def train(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Sentence-transformers model; with --adapter any encoder.")
    ],
    samples: _Data,
    recipe: _Recipe,
    steps: _Steps,
    prompts: Prompts,
    proof: _Proof,
) -> None:
    """Align an encoder on parallel texts. Run again, it resumes where it stopped.

    Example:
        clinometer train intfloat/multilingual-e5-small \\
            --data pairs.jsonl.gz --language de,zh -o upright
    """
    values: dict[str, Any] = {
        "samples": samples.samples,
        "pivot": samples.pivot,
        "dev_share": samples.dev_share,
        "loss": recipe.loss,
        "hold": recipe.hold,
        "epochs": steps.epochs,
        "batch_size": steps.batch_size,
        "learning_rate": steps.learning_rate,
        "patience": steps.patience,
        "loss_options": None if recipe.scale is None else {"scale": recipe.scale},
    }
    shared = without_none(values)
    languages = [label for labels in samples.language for label in split_names(labels) or []]
    checkpoints = without_none(
        {"checkpoint_steps": steps.checkpoint_steps, "checkpoint_minutes": steps.checkpoint_minutes}
    )
    if proof.log_to is not None:
        from clinometer.integrations.tracking import require_tracker

        require_tracker(proof.log_to)
    if recipe.adapter is not None:
        model_only = {"mini-batch-size": steps.mini_batch_size, "lora-rank": recipe.lora_rank, "blend": recipe.blend}
        if model_options := [f"--{name}" for name in without_none(model_only)]:
            raise UsageError(f"--adapter leaves the model unchanged; leave out {', '.join(model_options)}")
        if checkpoints:
            raise UsageError(
                f"an adapter is trained in one go; leave out --{next(iter(checkpoints)).replace('_', '-')}"
            )
        if steps.evaluations or len(recipe.seeds) > 1:
            raise UsageError("an adapter has one seed and stops by its loss; leave out --evaluations and further seeds")
        _adapt(model, asdict(prompts), samples.data, languages, proof,
               {**shared, "kind": recipe.adapter, "seed": recipe.seeds[0], "teacher": recipe.teacher})  # fmt: skip
        return
    from clinometer.training.run import forget_training
    from clinometer.training.seeds import train_seeds

    model_settings = {
        "mini_batch_size": steps.mini_batch_size,
        "max_length": steps.max_length,
        "freeze": recipe.freeze,
        "lora_rank": recipe.lora_rank,
        "precision": steps.precision,
        "evaluations": steps.evaluations,
        "teacher": recipe.teacher,
    } | ({} if recipe.blend is None else {"blend": recipe.blend})
    if proof.force:
        forget_training(proof.output)
    trained = train_seeds(
        model, [*samples.data], languages, proof.output, seeds=recipe.seeds, evaluate=proof.evaluate or [],
        show_progress_bar=proof.bars, origin=origin(), **shared, **model_settings, **checkpoints,
        **asdict(prompts),
    )  # fmt: skip
    warn(trained.models[0].record["samples"]["warnings"])
    if proof.json:
        sys.stdout.write(_json(trained.to_dict()) + "\n")
    else:
        show(_shown(trained))
    if proof.log_to is not None:
        from clinometer.integrations.tracked_training import log_training

        log_training(trained, proof.log_to)
        tell_logged(proof.log_to)


def _adapt(
    model: str, prompts: dict[str, Any], data: list[Path], languages: list[str], proof: _Proof, options: dict[str, Any]
) -> None:
    """Train an adapter, save it, and show its effect."""
    from clinometer.adapters import AdaptedEncoder, Adapter, train_adapter
    from clinometer.adapters.adapter import FILE as ADAPTER
    from clinometer.encoders import encoder as make_encoder
    from clinometer.encoders import require_embeddings
    from clinometer.training.proof import prove

    path = proof.output / ADAPTER
    if path.exists() and not proof.force:
        raise UsageError(f"{path} already exists; give another folder, or replace it with --force")
    encoder = make_encoder(model, **prompts)
    require_embeddings(encoder)
    learned, history = train_adapter(data, languages, encoder, show_progress_bar=proof.bars, **options)
    adapter = Adapter(learned.kind, learned.arrays, {**learned.settings, **options_of_file()})
    warn(adapter.settings["data"]["training"]["warnings"])
    proof.output.mkdir(parents=True, exist_ok=True)
    adapter.save(path)
    proofs = [
        prove(
            source, lambda: encoder, {"after": lambda: AdaptedEncoder(encoder, adapter)}, proof.output / "evaluation",
            languages=languages, pivot=options["pivot"], show_progress_bar=proof.bars,
        )
        for source in proof.evaluate or []
    ]  # fmt: skip
    if proof.json:
        record = {
            "adapter": str(path),
            **adapter.describe(),
            "proofs": [proof_result.to_dict() for proof_result in proofs],
        }
        sys.stdout.write(_json(record) + "\n")
    else:
        _show_adapter(adapter, path, proofs)
    if proof.log_to is not None:
        from clinometer.integrations.tracked_training import log_adapter

        log_adapter(adapter, history, path, proofs, proof.log_to)
        tell_logged(proof.log_to)


def _show_adapter(adapter: Adapter, path: Path, proofs: list[Proof]) -> None:
    from clinometer.report.comparison import plain_comparison

    history = adapter.settings.get("history")
    how = f"best state after epoch {history['best_epoch']}" if history else "in closed form"
    sys.stdout.write(f"{path}: {adapter.kind}, {how}\n")
    for proof_result in proofs:
        sys.stdout.write(f"\n{proof_result.source} (results and comparison in {proof_result.folder})\n")
        show(plain_comparison(proof_result.comparison, terminal()))


def _json(record: Any) -> str:
    import json

    return json.dumps(record, indent=1, ensure_ascii=False)


def _shown(trained: TrainedSeeds) -> str:
    """Each model, the development values, and the change on each collection."""
    from clinometer.report.comparison import plain_comparison
    from clinometer.training.seeds import spread

    lines = []
    for one in trained.models:
        done = "trained" if one.new else "was trained already"
        facts = f"{one.record['steps']} steps, {one.record['seconds']:.0f} s"
        lines.append(f"{one.folder}: {done}, seed {one.plan.seed}, {facts}")
    if values := spread(trained.development):
        over = " (mean, standard deviation over seeds)" if len(trained.models) > 1 else ""
        lines += ["", f"development split{over}"]
        for name, value in values.items():
            deviation = "" if value["sd"] is None else f"   {value['sd']:.4f}"
            lines.append(f"  {name:44s} {value['mean']:9.4f}{deviation}")
    for proof in trained.proofs:
        lines += [
            "",
            f"{proof.source} (results and comparison in {proof.folder})",
            plain_comparison(proof.comparison, terminal()),
        ]
    return "\n".join(lines)
