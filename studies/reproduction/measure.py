"""The paper's claim on data that everybody has: train, encode, evaluate; run by run, each saved when it is done.

    OMP_WAIT_POLICY=PASSIVE python -m studies.reproduction.measure --work DIR [--jobs N] [RUN...]

Trains multilingual-e5-small on the parallel texts of `train`, encodes XQuAD, Belebele and TICO-19 with each model, and
evaluates it as it is and with per-language centering on top. What is in DIR already is not made again, so the command
can be stopped at any time. `python -m studies.reproduction.page --work DIR` writes docs/reproduction.md.

XQuAD and Belebele are only evaluated on. Whatever was chosen (recipe, rate, blend) was chosen on TICO-19.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import clinometer as cm
from clinometer.encoders import PrecomputedEncoder
from clinometer.encoders.base import Side, encode
from clinometer.training import train
from studies.centering import corrected, corrections
from studies.command_line import parser
from studies.embeddings import saved
from studies.sources import MODEL, SOURCES, training_files

LANGUAGES = {"zh": ["zh"], "de": ["de"], "joint": ["de", "es", "ru", "zh", "ko", "el", "tr"]}
EVALUATED_LANGUAGES = {"tico19": ["ar", "en", "es", "hi", "ru", "zh"]}
SCENARIOS = ["multi", "one-sided", "mono-same", "mono-cross", "multilingual"]
MEASURES = ["Complete@10", "MaxRnorm", "MaxR", "nDCG@1", "nDCG@10", "RankGap", "Intrusion", "Intrusion(by=own)",
            "PivotFirst", "LPR", "LanguageGap(MaxRnorm)"]  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One model: which languages, which loss, which options."""

    name: str
    languages: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def samples(self) -> int:
        return 2800 // len(LANGUAGES[self.languages])

    @property
    def sources(self) -> list[str]:
        """What it is evaluated on: further seeds on XQuAD alone, and the development texts where a choice was made."""
        first = self.options.get("seed", 42) == 42
        chosen = self.name == "baseline" or "upright" in self.name or "contrastive" in self.name
        return ["xquad", *(["belebele"] if first else []), *(["tico19"] if first and chosen else [])]


LOSSES: dict[str, dict[str, Any]] = {
    # The whole batch at once, as a GPU has room for; the recipe's own 16 texts at a time change no more than dropout.
    "upright": {"loss": "upright", "mini_batch_size": 64},
    "unblended": {"loss": "upright", "mini_batch_size": 64, "blend": 1.0},
    "literal": {"loss": "jsd+nce"},
    "without-nce": {"loss": "jsd"},
    "without-jsd": {"loss": "nce"},
    "psg": {"loss": "psg"},
    "clear": {"loss": "clear"},
    "contrastive": {"loss": "pool+mono+sim", "loss_options": {"scale": 50.0}, "blend": 0.5},
}


def runs() -> list[Run]:
    """The runs that teach most come first: without a GPU all of them take hours."""
    names = ["joint-upright-42", "zh-literal-42", "zh-upright-42", "joint-contrastive-42", "joint-literal-42",
             "joint-unblended-42", "zh-without-nce-42", "zh-without-jsd-42", "zh-psg-42", "zh-clear-42",
             "de-upright-42", "de-literal-42", "zh-contrastive-42", "joint-upright-43", "zh-literal-43",
             "joint-upright-44", "zh-literal-44", "de-contrastive-42"]  # fmt: skip
    ordered = [Run("baseline")]
    for name in names:
        languages, loss, seed = name.split("-", 1)[0], name.split("-", 1)[1].rpartition("-")[0], name.rpartition("-")[2]
        ordered.append(Run(name, languages, {**LOSSES[loss], "seed": int(seed)}))
    return ordered


def model_of(run: Run, work: Path) -> Path:
    """The folder of the model, trained if it does not exist."""
    if not run.languages:
        return MODEL
    trained = train(
        MODEL, training_files(), LANGUAGES[run.languages], work / "models" / run.name, samples=run.samples,
        dev_share=0.0, show_progress_bar=True, **run.options,
    )  # fmt: skip
    return trained.folder


def embedded(run: Run, work: Path, name: str, collection: cm.Collection, precision: str | None) -> tuple[Any, Any]:
    encoder = None

    def make(side: Side, texts: Sequence[str]) -> Any:
        nonlocal encoder
        encoder = encoder or cm.encoder(str(model_of(run, work)), precision=precision, batch_size=128)
        print(f"{run.name}: encoding the {side} of {name}", file=sys.stderr)
        return encode(encoder, list(texts), side, show_progress_bar=True)

    folder = work / "embeddings" / run.name
    return (
        saved(folder / f"{name}-queries.npy", lambda: make("queries", collection.queries.texts)),
        saved(folder / f"{name}-documents.npy", lambda: make("documents", collection.documents.texts)),
    )


def evaluate(run: Run, work: Path, precision: str | None) -> None:
    for name in run.sources:
        missing = [how for how in ("none", "index", "index+queries") if not _result(work, run, how, name).exists()]
        if not missing:
            continue
        collection = cm.load(SOURCES[name], languages=EVALUATED_LANGUAGES.get(name))
        q, d = embedded(run, work, name, collection, precision)
        for how, correction in corrections(collection, q, d).items():
            if how not in missing:
                continue
            queries, documents = corrected(correction, collection, q, d)
            evaluation = cm.evaluate(
                collection, PrecomputedEncoder(queries, documents, name=f"{run.name}, {how}"),
                scenarios=SCENARIOS, measures=MEASURES,
            )  # fmt: skip
            evaluation.to_folder(_result(work, run, how, name).parent)
            shown = {m: evaluation.value(m, "multi", "macro-target") for m in ("Complete@10", "MaxRnorm", "nDCG@1")}
            print(f"{run.name}, {how}, {name}: {shown}", file=sys.stderr)


def _result(work: Path, run: Run, how: str, name: str) -> Path:
    return work / "evaluations" / run.name / how / name / "results.json"


def finish(run: Run, work: Path, precision: str | None, keep_models: bool) -> str:
    """One run, whole; of its model only the record stays, unless `keep_models`."""
    evaluate(run, work, precision)
    model = work / "models" / run.name
    if not keep_models and (model / "model.safetensors").exists():
        (work / f"{run.name}.json").write_text((model / "training.json").read_text())
        shutil.rmtree(model)
    return run.name


def main() -> None:
    names = [run.name for run in runs()]
    command = parser(__doc__, "folder of models, embeddings and evaluations")
    command.add_argument("--jobs", type=int, default=1, help="runs at a time, for a GPU that one run leaves idle")
    command.add_argument("--float32", action="store_true", help="encode in float32, where bfloat16 is emulated")
    command.add_argument("--keep-models", action="store_true", help="keep the models, 0.5 GB each")
    command.add_argument("runs", nargs="*", metavar="RUN", help=f"any of {', '.join(names)}")
    options = command.parse_args()
    if unknown := set(options.runs) - set(names):
        command.error(f"unknown run {', '.join(sorted(unknown))}")
    chosen = [run for run in runs() if not options.runs or run.name in options.runs]
    settings = (options.work, None if options.float32 else "bfloat16", options.keep_models)
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(finish, run, *settings) for run in chosen]):
            print(done.result(), file=sys.stderr)


if __name__ == "__main__":
    main()
