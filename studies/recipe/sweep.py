"""How the training recipe is chosen: many short trainings, judged on development texts alone.

    python -m studies.recipe.sweep --work DIR [--jobs N] [--minutes M] [NAME...]

Trains multilingual-e5-small on 400 samples of each of de, es, ru, zh, ko, el, tr (`train`) by each setting, moves the
weights part of the way back (blend), and evaluates on TICO-19 and on the embedded demo collection: as it is, and with
per-language centering. The result of each setting is saved in DIR/sweep when it is done, and never made twice.
`python -m studies.recipe.page --work DIR` writes docs/recipe.md. On a GPU all of it takes minutes.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import clinometer as cm
from clinometer.encoders import PrecomputedEncoder
from clinometer.files import written_whole
from clinometer.training import train
from studies.centering import SAMPLE, corrected, corrections
from studies.command_line import parser
from studies.reproduction.measure import LANGUAGES
from studies.sources import MODEL, SOURCES, training_files

TICO = ["ar", "bn", "en", "es", "fa", "hi", "id", "ru", "zh"]
COLLECTIONS = {
    "tico19": (SOURCES["tico19"], TICO),
    "demo": ("demo", None),
}
BLENDS = (1.0, 0.75, 0.5)


@dataclass(frozen=True)
class Setting:
    """One training: a name for the table, the languages, and options of `clinometer.training.train`."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    languages: str = "joint"


def relational(name: str, **options: Any) -> Setting:
    loss = {"loss_options": {"scale": options.pop("scale", 50.0)}}
    usual = {"loss": "relational", "epochs": 1, "batch_size": 64, "learning_rate": 4e-5, "max_length": 256}
    return Setting(f"relational {name}", {**usual, **loss, **options})


def spelt(epochs: int, rate: float) -> str:
    return f"{epochs} epoch{'s' if epochs > 1 else ''} at {rate:g}"


def settings() -> list[Setting]:
    """The settings that teach most come first."""
    ordered = [Setting("untrained")]
    for epochs, rate in ((1, 4e-5), (1, 1e-4), (3, 4e-5), (3, 1e-4), (3, 2e-4), (8, 4e-5), (8, 1e-4)):
        ordered.append(relational(spelt(epochs, rate), epochs=epochs, learning_rate=rate))
    ordered += [
        relational("scale 100", scale=100.0),
        relational("scale 20", scale=20.0),
        relational("128 tokens", max_length=128),
        relational("batch 32, 128 tokens", batch_size=32, max_length=128),
        relational("batch 16, 128 tokens", batch_size=16, max_length=128),
        relational("batch 192 at 1e-4", batch_size=192, learning_rate=1e-4),
        relational(spelt(1, 2e-5), learning_rate=2e-5),
        relational("hold 1", hold=1.0),
        relational("all weights", freeze="nothing"),
        relational("LoRA 16 at 5e-4", learning_rate=5e-4, lora_rank=16),
    ]
    wide = {"batch_size": 64, "max_length": 256}
    for epochs, rate in ((1, 4e-5), (1, 1e-4)):
        options = {"loss": "distill", "epochs": epochs, "learning_rate": rate, **wide}
        ordered.append(Setting(f"distill {spelt(epochs, rate)}", options))
    contrastive: dict[str, Any] = {"loss": "pool+mono+sim", "loss_options": {"scale": 50.0}, "learning_rate": 3e-5}
    literal: dict[str, Any] = {"loss": "jsd+nce"}
    ordered += [
        Setting("literal", literal),
        Setting("literal, normalized", literal | {"loss_options": {"jsd_input": "normalized"}}),
        Setting("literal, scaled", literal | {"loss_options": {"jsd_input": "scaled"}}),
        Setting("literal, scale 1", literal | {"loss_options": {"scale": 1.0}}),
        Setting("literal, scale 50", literal | {"loss_options": {"scale": 50.0}}),
        Setting("literal at 1e-5", literal | {"learning_rate": 1e-5}),
        Setting("literal, batch 64, 256 tokens", literal | wide),
        Setting("literal, hold 3", literal | {"hold": 3.0}),
        Setting("pool+mono+sim", contrastive),
        Setting("pool+mono+sim, batch 64, 256 tokens", contrastive | wide),
        Setting("sim, batch 64, 256 tokens", contrastive | wide | {"loss": "sim"}),
    ]
    return ordered


def slug(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in ".-" else "-" for letter in name)


@lru_cache
def collection(name: str) -> cm.Collection:
    source, languages = COLLECTIONS[name]
    return cm.load(source, languages=languages)


def judged(name: str, encoder: Any, trained: list[str]) -> dict[str, Any]:
    """Figures of one collection, as it is and centered as in studies/reproduction."""
    texts = collection(name)
    q, d = encoder.encode_queries(list(texts.queries.texts)), encoder.encode_documents(list(texts.documents.texts))
    by_name = corrections(texts, q, d, SAMPLE if name == "tico19" else 60)
    figures: dict[str, Any] = {}
    for how, correction in (("none", by_name["none"]), ("centered", by_name["index+queries"])):
        queries, documents = corrected(correction, texts, q, d)
        evaluation = cm.evaluate(
            texts, PrecomputedEncoder(queries, documents, name=how), scenarios=["multi", "mono-same"],
            measures=["Complete@10", "MaxRnorm", "nDCG@1", "nDCG@10"], resamples=0,
        )  # fmt: skip
        rows = {(r["measure"], r["scenario"], r["query_language"]): r["value"] for r in evaluation.rows}
        targets = [label for label in texts.languages if label != "en"]
        complete = {label: rows["Complete@10", "multi", label] for label in targets}
        unseen = [value for label, value in complete.items() if label not in trained]
        figures[how] = {
            "Complete@10": rows["Complete@10", "multi", "macro-target"],
            "unseen": sum(unseen) / len(unseen) if unseen else None,
            "MaxRnorm": rows["MaxRnorm", "multi", "macro-target"],
            "nDCG@1": rows["nDCG@1", "multi", "macro-target"],
            "same@1": {label: rows["nDCG@1", "mono-same", label] for label in ["en", *targets]},
            "same@10": {label: rows["nDCG@10", "mono-same", label] for label in ["en", *targets]},
        }
    return figures


def tried(setting: Setting, work: Path) -> dict[str, Any]:
    """Train by a setting and judge it; the model is not kept."""
    path = work / "sweep" / f"{slug(setting.name)}.json"
    if path.exists():
        earlier: dict[str, Any] = json.loads(path.read_text())
        return earlier
    from sentence_transformers import SentenceTransformer

    started = time.monotonic()
    base = SentenceTransformer(str(MODEL))
    first = {name: value.clone() for name, value in base.state_dict().items()}
    languages = LANGUAGES[setting.languages] if setting.options else []
    result = {"name": setting.name, "options": setting.options, "languages": languages, "blends": {}}
    last, blends = first, (0.0,)
    if setting.options:
        folder = work / "sweep" / f"{slug(setting.name)}-model"
        trained = train(
            MODEL, training_files(), languages, folder, dev_share=0.0,
            samples=2800 // len(languages), checkpoint_steps=10**6, **{"blend": 1.0} | setting.options,
        )  # fmt: skip
        result |= {name: trained.record[name] for name in ("steps", "seconds", "precision", "software")}
        result["losses"] = [entry["loss"] for entry in trained.record["log"] if "loss" in entry]
        last, blends = SentenceTransformer(str(folder)).state_dict(), BLENDS
        shutil.rmtree(folder)
    for blend in blends:
        base.load_state_dict({
            name: value + blend * (last[name] - value) if value.is_floating_point() else value
            for name, value in first.items()
        })  # fmt: skip
        encoder = cm.encoder(base, precision="bfloat16" if base.device.type == "cuda" else None, batch_size=128)
        result["blends"][str(blend)] = {name: judged(name, encoder, languages) for name in COLLECTIONS}
    result["all_seconds"] = round(time.monotonic() - started, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as file:
        file.write(json.dumps(result, indent=1).encode() + b"\n")
    return result


def line(result: dict[str, Any]) -> str:
    """What is shown while it runs."""
    text = [f"{result['name']} ({result['all_seconds']} s)"]
    for blend, judgements in result["blends"].items():
        for name, figures in judgements.items():
            cells = [
                f"{how} {f['Complete@10']:.1f} unseen {f['unseen'] or 0:.1f} MaxR {f['MaxRnorm']:.1f} "
                f"same@1 {100 * sum(f['same@1'].values()) / len(f['same@1']):.1f} "
                f"same@10 {100 * sum(f['same@10'].values()) / len(f['same@10']):.1f}"
                for how, f in figures.items()
            ]
            text.append(f"  blend {blend} {name}: {'; '.join(cells)}")
    return "\n".join(text)


def main() -> None:
    command = parser(__doc__, "folder of the results")
    command.add_argument("--jobs", type=int, default=1, help="settings at a time, for a GPU that one leaves idle")
    command.add_argument("--minutes", type=float, default=1e9, help="time after which no further setting begins")
    command.add_argument("names", nargs="*", metavar="NAME", help=f"any of {'; '.join(one.name for one in settings())}")
    options = command.parse_args()
    end = time.time() + 60 * options.minutes
    chosen = [one for one in settings() if not options.names or one.name in options.names]
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(_before, end, one, options.work) for one in chosen]):
            if result := done.result():
                print(line(result), flush=True)


def _before(end: float, setting: Setting, work: Path) -> dict[str, Any] | None:
    if time.time() > end:
        sys.stderr.write(f"no time left for {setting.name}\n")
        return None
    return tried(setting, work)


if __name__ == "__main__":
    main()
