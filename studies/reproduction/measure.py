"""The paper's claim on parts that everybody has: train, encode, evaluate; run by run, each kept as soon as it is there.

    OMP_WAIT_POLICY=PASSIVE python studies/reproduction.py --work DIR [--jobs N] [RUN...]

Trains multilingual-e5-small on the parallel texts of `train`, encodes XQuAD, Belebele and TICO-19 with each model, and
evaluates it as it is and with per-language centering on top. What is in DIR already is not made again, so the command
can be stopped at any time. `python studies/reproduction_tables.py --work DIR` writes docs/reproduction.md.

XQuAD and Belebele are only evaluated on. Whatever was chosen (recipe, rate, blend) was chosen on TICO-19.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

import clinometer as cm
from clinometer.correction import Center, choose
from clinometer.encoders import PrecomputedEncoder
from clinometer.training import train

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
MODEL = ROOT / "models" / "multilingual-e5-small"
LANGUAGES = {"zh": ["zh"], "de": ["de"], "joint": ["de", "es", "ru", "zh", "ko", "el", "tr"]}
SOURCES = {
    "xquad": (f"xquad:{DATA / 'xquad'}", None),
    "belebele": (f"belebele:{DATA / 'belebele'}", None),
    "tico19": (f"parallel:{DATA / 'tico19' / 'tico19_retrieval.jsonl.gz'}", ["ar", "en", "es", "hi", "ru", "zh"]),
}
SCENARIOS = ["multi", "one-sided", "mono-same", "mono-cross", "multilingual"]
MEASURES = ["Complete@10", "MaxRnorm", "MaxR", "nDCG@1", "nDCG@10", "RankGap", "Intrusion", "Intrusion(by=own)",
            "PivotFirst", "LPR", "LanguageGap(MaxRnorm)"]  # fmt: skip
SAMPLE = 240


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
    """In the order in which they teach most, for without a GPU the whole takes hours."""
    names = ["joint-upright-42", "zh-literal-42", "zh-upright-42", "joint-contrastive-42", "joint-literal-42",
             "joint-unblended-42", "zh-without-nce-42", "zh-without-jsd-42", "zh-psg-42", "zh-clear-42",
             "de-upright-42", "de-literal-42", "zh-contrastive-42", "joint-upright-43", "zh-literal-43",
             "joint-upright-44", "zh-literal-44", "de-contrastive-42"]  # fmt: skip
    found = [Run("baseline")]
    for name in names:
        languages, loss, seed = name.split("-", 1)[0], name.split("-", 1)[1].rpartition("-")[0], name.rpartition("-")[2]
        found.append(Run(name, languages, {**LOSSES[loss], "seed": int(seed)}))
    return found


def made(run: Run, work: Path) -> Path:
    """The folder of the model, trained if it is not there."""
    if not run.languages:
        return MODEL
    files = sorted((DATA / "train").glob("*.jsonl.gz"))
    trained = train(
        MODEL, list(files), LANGUAGES[run.languages], work / "models" / run.name, samples=run.samples,
        dev_share=0.0, show_progress_bar=True, **run.options,
    )  # fmt: skip
    return trained.folder


def embedded(run: Run, work: Path, name: str, collection: cm.Collection, precision: str | None) -> tuple[Any, Any]:
    folder = work / "embeddings" / run.name
    folder.mkdir(parents=True, exist_ok=True)
    arrays = []
    encoder = None
    for stage, texts in (("queries", collection.queries), ("documents", collection.documents)):
        path = folder / f"{name}-{stage}.npy"
        if not path.exists():
            encoder = encoder or cm.encoder(str(made(run, work)), precision=precision, batch_size=128)
            print(f"{run.name}: encoding the {stage} of {name}", file=sys.stderr)
            encode = encoder.encode_queries if stage == "queries" else encoder.encode_documents
            np.save(path.with_suffix(".tmp.npy"), encode(list(texts.texts), show_progress_bar=True))
            path.with_suffix(".tmp.npy").rename(path)
        arrays.append(np.load(path))
    return arrays[0], arrays[1]


def corrections(collection: cm.Collection, q: Any, d: Any, sample: int = SAMPLE) -> dict[str, Any]:
    """None, and centering on what a user with an index has: its documents, or a sample of queries as well."""
    asked = choose(collection.queries.languages, sample, 0)
    labels = [collection.queries.languages[row] for row in asked]
    languages = list(collection.documents.languages)
    return {
        "none": None,
        "index": Center.fit(d, languages),
        "index+queries": Center.fit(d, languages, q[asked], labels),
    }


def straightened(correction: Any, collection: cm.Collection, q: Any, d: Any) -> tuple[Any, Any]:
    """Queries and documents with the correction, if there is one."""
    if correction is None:
        return q, d
    return (
        correction.apply_queries(q, collection.queries.languages),
        correction.apply(d, collection.documents.languages),
    )


def evaluate(run: Run, work: Path, precision: str | None) -> None:
    for name in run.sources:
        source, languages = SOURCES[name]
        wanted = [how for how in ("none", "index", "index+queries") if not _there(work, run, how, name).exists()]
        if not wanted:
            continue
        collection = cm.load(source, languages=languages)
        q, d = embedded(run, work, name, collection, precision)
        for how, correction in corrections(collection, q, d).items():
            if how not in wanted:
                continue
            queries, documents = straightened(correction, collection, q, d)
            evaluation = cm.evaluate(
                collection, PrecomputedEncoder(queries, documents, name=f"{run.name}, {how}"),
                scenarios=SCENARIOS, measures=MEASURES,
            )  # fmt: skip
            folder = _there(work, run, how, name).parent
            evaluation.to_folder(folder)
            shown = {m: evaluation.value(m, "multi", "macro-target") for m in ("Complete@10", "MaxRnorm", "nDCG@1")}
            print(f"{run.name}, {how}, {name}: {shown}", file=sys.stderr)


def _there(work: Path, run: Run, how: str, name: str) -> Path:
    return work / "evaluations" / run.name / how / name / "results.json"


def finish(run: Run, work: Path, precision: str | None, keep_models: bool) -> str:
    """One run, whole; of its model only the record is kept unless it is asked for."""
    evaluate(run, work, precision)
    model = work / "models" / run.name
    if not keep_models and (model / "model.safetensors").exists():
        (work / f"{run.name}.json").write_text((model / "training.json").read_text())
        shutil.rmtree(model)
    return run.name


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--work", type=Path, required=True, help="folder for models, embeddings and evaluations")
    options.add_argument("--jobs", type=int, default=1, help="runs at a time, for a GPU that one run leaves idle")
    options.add_argument("--float32", action="store_true", help="encode in float32, where bfloat16 is emulated")
    options.add_argument("--keep-models", action="store_true", help="0.5 GB each; else only training.json is kept")
    options.add_argument("runs", nargs="*", metavar="RUN", help=f"of {', '.join(run.name for run in runs())}")
    given = options.parse_args()
    if unknown := set(given.runs) - {run.name for run in runs()}:
        options.error(f"there is no run {', '.join(sorted(unknown))}")
    wanted = [run for run in runs() if not given.runs or run.name in given.runs]
    asked = (given.work, None if given.float32 else "bfloat16", given.keep_models)
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(finish, run, *asked) for run in wanted]):
            print(done.result(), file=sys.stderr)


if __name__ == "__main__":
    main()
