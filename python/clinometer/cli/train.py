"""`clinometer train`: align an encoder on parallel samples, and show what it did on other collections."""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clinometer.errors import UsageError

if TYPE_CHECKING:
    from clinometer.training.seeds import TrainedSeeds

__all__ = ["train"]


def train(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A sentence-transformers model; with --adapter any encoder.")
    ],
    data: Annotated[
        list[Path], typer.Option("--data", metavar="FILE", help="Parallel JSONL; may be given several times.")
    ],
    language: Annotated[
        list[str], typer.Option("--language", metavar="A,B,...", help="Target languages of the training.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the model.")],
    loss: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="upright (the default), jsd+nce (the paper's), clear, distill, or A+B+..."),
    ] = None,
    samples: Annotated[int, typer.Option(metavar="N", min=1, help="At most so many for each language.")] = 2800,
    pivot: Annotated[str, typer.Option(metavar="LANGUAGE", help="What the others are aligned with.")] = "en",
    scale: Annotated[float | None, typer.Option(metavar="X", help="Cosines are multiplied by it.")] = None,
    hold: Annotated[float | None, typer.Option(metavar="W", help="Weight of the pull to the untrained model.")] = None,
    blend: Annotated[
        float | None, typer.Option(metavar="X", help="Keep a state between the untrained (0) and the trained one (1).")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Times that the data is read; 1, at most 20 for an adapter.")
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(metavar="N", min=2, help="Samples in a step; else the recipe's own, 256 for an adapter."),
    ] = None,
    mini_batch_size: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Texts in memory at a time (GradCache).")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(metavar="X", help="The highest.")] = None,
    max_length: Annotated[int | None, typer.Option(metavar="N", min=1, help="Longest text in tokens.")] = None,
    freeze: Annotated[str, typer.Option(metavar="embeddings|nothing", help="What does not move.")] = "embeddings",
    adapter: Annotated[
        str | None,
        typer.Option(
            metavar="low-rank|linear", help="Train a map on the embeddings of any encoder, and leave the encoder alone."
        ),
    ] = None,
    lora_rank: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Train low-rank differences (needs peft).")
    ] = None,
    precision: Annotated[str, typer.Option(metavar="auto|float32|bfloat16", help="Of the computation.")] = "auto",
    query_prompt: Annotated[str | None, typer.Option(metavar="TEXT", help="Put before each query.")] = None,
    document_prompt: Annotated[str | None, typer.Option(metavar="TEXT", help="Put before each document.")] = None,
    dev_share: Annotated[float, typer.Option(metavar="X", help="Share of the pages kept for development.")] = 0.1,
    evaluations: Annotated[
        int, typer.Option(metavar="N", min=0, help="Evaluate the development split so often; the best is kept.")
    ] = 0,
    patience: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Stop after so many evaluations without a better one.")
    ] = None,
    seed: Annotated[str, typer.Option(metavar="N,M,...", help="One model for each.")] = "42",
    evaluate: Annotated[
        list[str] | None,
        typer.Option("--evaluate", metavar="SOURCE", help="Evaluate before and after; may be given several times."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the record of the training as JSON.")] = False,
    progress: Annotated[
        bool | None,
        typer.Option("--progress/--no-progress", help="Bars on standard error; by default if it is a terminal."),
    ] = None,
) -> None:
    """Align an encoder on parallel texts. The same command again goes on where a killed one stopped."""
    bars = sys.stderr.isatty() if progress is None else progress
    seeds = _seeds(seed)
    shared: dict[str, Any] = {"samples": samples, "pivot": pivot, "dev_share": dev_share}
    given: dict[str, Any] = {
        "loss": loss,
        "hold": hold,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "patience": patience,
        "loss_options": None if scale is None else {"scale": scale},
    }
    shared |= {name: value for name, value in given.items() if value is not None}
    prompts = {"query_prompt": query_prompt, "document_prompt": document_prompt}
    languages = [label.strip() for given in language for label in given.split(",") if label.strip()]
    if adapter is not None:
        needless = {"mini-batch-size": mini_batch_size, "lora-rank": lora_rank, "blend": blend}
        if named := [f"--{name}" for name, value in needless.items() if value is not None]:
            raise UsageError(f"{', '.join(named)} trains the model itself, but --adapter leaves it alone; drop one")
        if evaluations or len(seeds) > 1:
            raise UsageError("an adapter is trained with one seed and stops by its loss; drop --evaluations and seeds")
        _adapt(model, prompts, list(data), languages, output, evaluate or [], bars, json,
               {**shared, "kind": adapter, "seed": seeds[0]})  # fmt: skip
        return
    from clinometer.training.seeds import train_seeds

    whole = {
        "mini_batch_size": mini_batch_size,
        "max_length": max_length,
        "freeze": freeze,
        "lora_rank": lora_rank,
        "precision": precision,
        "evaluations": evaluations,
    } | ({} if blend is None else {"blend": blend})
    found = train_seeds(
        model, list(data), languages, output, seeds=seeds, evaluate=evaluate or [], show_progress_bar=bars,
        **shared, **whole, **prompts,
    )  # fmt: skip
    for warning in found.models[0].record["samples"]["warnings"]:
        sys.stderr.write(f"warning: {warning}\n")
    text = json_module.dumps(found.to_dict(), indent=1, ensure_ascii=False) if json else _shown(found)
    sys.stdout.write(text + "\n")


def _adapt(
    model: str,
    prompts: dict[str, Any],
    data: list[Path],
    languages: list[str],
    output: Path,
    sources: list[str],
    bars: bool,
    json: bool,
    options: dict[str, Any],
) -> None:
    """Train an adapter, save it, and show what it does."""
    from clinometer.adapters import AdaptedEncoder, train_adapter
    from clinometer.encoders import encoder as make_encoder
    from clinometer.encoders import require_embeddings
    from clinometer.training.proof import prove

    path = output / "adapter.safetensors"
    if path.exists():
        raise UsageError(f"{path} is there already; give another folder")
    encoder = make_encoder(model, **prompts)
    require_embeddings(encoder)
    found, _ = train_adapter(data, languages, encoder, show_progress_bar=bars, **options)
    for warning in found.settings["data"]["training"]["warnings"]:
        sys.stderr.write(f"warning: {warning}\n")
    output.mkdir(parents=True, exist_ok=True)
    found.save(path)
    proofs = [
        prove(
            source, lambda: encoder, {"after": lambda: AdaptedEncoder(encoder, found)}, output / "evaluation",
            languages=languages, pivot=options["pivot"], show_progress_bar=bars,
        )
        for source in sources
    ]  # fmt: skip
    if json:
        record = {"adapter": str(path), **found.describe(), "proofs": [proof.to_dict() for proof in proofs]}
        sys.stdout.write(json_module.dumps(record, indent=1, ensure_ascii=False) + "\n")
        return
    from clinometer.report.comparison import plain_comparison

    history = found.settings["history"]
    sys.stdout.write(f"{path}: {options['kind']}, best state after epoch {history['best_epoch']}\n")
    for proof in proofs:
        sys.stdout.write(f"\n{proof.source} (results and comparison in {proof.folder})\n")
        sys.stdout.write(plain_comparison(proof.comparison) + "\n")


def _seeds(text: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--seed is {text!r}; give whole numbers joined by commas, such as 42,43,44") from None
    if len(set(found)) < len(found) or min(found) < 0:
        raise UsageError(f"--seed is {text!r}; give different numbers that are not negative")
    return found


def _shown(found: TrainedSeeds) -> str:
    """Each model, the development values, and what changed on each collection."""
    from clinometer.report.comparison import plain_comparison
    from clinometer.training.seeds import spread

    lines = []
    for one in found.models:
        done = "trained" if one.new else "was trained already"
        record = one.record
        lines.append(f"{one.folder}: {done}, seed {one.plan.seed}, {record['steps']} steps, {record['seconds']:.0f} s")
    if values := spread(found.development):
        lines += ["", "development split" + (" (mean, standard deviation over seeds)" if len(found.models) > 1 else "")]
        for name, value in values.items():
            deviation = "" if value["sd"] is None else f"   {value['sd']:.4f}"
            lines.append(f"  {name:44s} {value['mean']:9.4f}{deviation}")
    for proof in found.proofs:
        lines += ["", f"{proof.source} (results and comparison in {proof.folder})", plain_comparison(proof.comparison)]
    return "\n".join(lines)
