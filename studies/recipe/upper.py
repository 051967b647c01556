"""Which teacher, scale and blend: trainings of the upper layers alone, on states that are computed once.

    python -m studies.recipe.upper --work DIR [--minutes M] [NAME...]

Trains the last four of twelve layers of multilingual-e5-small on 200 samples of each of de, es, ru, zh, ko, el, tr
(`train`), texts cut at 128 tokens, and judges on the demo collection, as `studies.recipe.sweep` does. What lies
below is computed once for each text (`studies.recipe.states`), so that a setting takes minutes on two cores. What
is done already is not done again. `python -m studies.recipe.upper_page --work DIR` writes docs/recipe.md.
"""

from __future__ import annotations

import gzip
import json
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch

import clinometer as cm
from clinometer.correction import Center
from clinometer.encoders import PrecomputedEncoder
from clinometer.files import written_whole
from clinometer.losses import RelationalDistillationLoss
from clinometer.training.data import parallel_samples
from studies.centering import centered, corrected
from studies.command_line import parser
from studies.recipe.states import States, Upper, batches, blended, model, states_of
from studies.recipe.sweep import slug
from studies.reproduction.measure import LANGUAGES
from studies.sources import DATA, training_files

TICO = ["ar", "en", "es", "hi", "ru", "zh"]
TICO_FILE = DATA / "tico19" / "tico19_retrieval.jsonl.gz"
SAMPLES = 200
BATCH = 64
BLENDS = (1.0, 0.5)
JUDGED = ("demo",)  # "tico19", half of it, takes three times as long
COLUMNS = ("query_en", "passage_en", "passage_tgt", "query_tgt")


@dataclass(frozen=True)
class Setting:
    """One training of the upper layers."""

    name: str
    teacher: str = "pivot"
    scale: float = 50.0
    rate: float = 1e-4
    epochs: int = 1


def settings() -> list[Setting]:
    """The settings that teach most come first."""
    return [
        Setting("pivot"),
        Setting("centered, scale 20", "centered", 20.0),
        Setting("centered, scale 20 at 3e-4", "centered", 20.0, 3e-4),
        Setting("pivot, scale 100", scale=100.0),
        Setting("centered, scale 50", "centered"),
        Setting("centered, scale 20, 3 epochs", "centered", 20.0, epochs=3),
        Setting("pivot at 3e-4", rate=3e-4),
    ]


@cache
def samples() -> Any:
    """The training samples, the same for each setting."""
    return parallel_samples(training_files(), LANGUAGES["joint"], SAMPLES, 42, "train", 0.0, layout="alignment+query")


@cache
def texts() -> dict[str, list[str]]:
    """The distinct training texts, queries and passages."""
    places = {"queries": (0, 3), "passages": (1, 2)}
    return {
        side: list(dict.fromkeys(row[column] for row in samples().rows for column in columns))
        for side, columns in places.items()
    }


@cache
def collection(name: str, work: Path) -> cm.Collection:
    """The demo, or the half of TICO-19's documents on which settings are chosen."""
    if name == "demo":
        return cm.load("demo")
    path = work / "tico19-half.jsonl"
    if not path.exists():
        lines = gzip.decompress(TICO_FILE.read_bytes()).splitlines()
        pages = {json.loads(line)["id"].partition("#")[0] for line in lines}
        chosen = set(sorted(pages)[::2])
        with written_whole(path) as file:
            file.writelines(line + b"\n" for line in lines if json.loads(line)["id"].partition("#")[0] in chosen)
    return cm.load(f"parallel:{path}", languages=TICO)


def states(name: str, work: Path) -> tuple[States, States]:
    """States of the queries and the passages of the training texts or of a collection."""
    if name == "train":
        return (
            states_of("train-queries", texts()["queries"], "query: ", work, max_length=128),
            states_of("train-passages", texts()["passages"], "passage: ", work, max_length=128),
        )
    both = collection(name, work)
    return (
        states_of(f"{name}-queries", list(both.queries.texts), "query: ", work),
        states_of(f"{name}-documents", list(both.documents.texts), "passage: ", work),
    )


def prepare(work: Path) -> None:
    """Compute all states."""
    for name in ("train", *JUDGED):
        states(name, work)


def trained(setting: Setting, work: Path) -> tuple[dict[str, Any], dict[str, Any], list[float]]:
    """The upper layers' weights before and after training, and the losses of all steps."""
    queries, passages = states("train", work)
    upper = Upper(model()).eval()  # without dropout: the teacher's similarities are the only noise there is
    before = {name: value.detach().clone() for name, value in upper.state_dict().items()}
    place = {side: {text: row for row, text in enumerate(texts()[side])} for side in ("queries", "passages")}
    kinds = ["queries" if name.startswith("query") else "passages" for name in COLUMNS]
    rows = np.array([[place[kind][text] for kind, text in zip(kinds, row, strict=True)] for row in samples().rows])
    languages = ["en", *LANGUAGES["joint"]]
    codes = [languages.index(language) for language in samples().languages]
    labels = torch.tensor([*zip(samples().groups, codes, strict=True)])
    correction = center(rows, queries, passages) if setting.teacher == "centered" else None
    loss = RelationalDistillationLoss(
        torch.nn.Identity(), scale=setting.scale, correction=correction, languages=languages
    )
    optimizer = torch.optim.AdamW(upper.parameters(), lr=setting.rate, weight_decay=0.01)
    steps = setting.epochs * (len(rows) // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / max(1, steps // 10), (steps - step) / steps)
    )
    order = np.random.default_rng(42)
    losses = []
    for _ in range(setting.epochs):
        shuffled = order.permutation(len(rows))
        for start in range(0, len(rows) - BATCH + 1, BATCH):
            chosen = shuffled[start : start + BATCH]
            sides = [queries if name.startswith("query") else passages for name in COLUMNS]
            student = [embedded(upper, side, rows[chosen, column]) for column, side in enumerate(sides)]
            teacher = [torch.from_numpy(side.embeddings[rows[chosen, column]]) for column, side in enumerate(sides)]
            targets = teacher if correction else teacher[:2]
            own_labels = labels[chosen] if correction else labels[chosen, 0]
            value = sum(loss.parts_from(student, own_labels, targets).values())
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            schedule.step()
            losses.append(value.item())
            print(f"{setting.name}: step {len(losses)} of {steps}, loss {losses[-1]:.4f}", flush=True)
    return before, {name: value.detach() for name, value in upper.state_dict().items()}, losses


def embedded(upper: Upper, side: States, chosen: Any) -> torch.Tensor:
    """Raw embeddings of some texts, with gradients, texts of similar length together."""
    pieces, order = [], []
    for batch in batches(side.lengths, list(dict.fromkeys(chosen.tolist())), 4096):
        padded, mask = side.padded(batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            pieces.append(upper(padded.float(), mask))
        order += batch
    position = {text: row for row, text in enumerate(order)}
    return torch.cat(pieces)[[position[text] for text in chosen.tolist()]]


def center(rows: Any, queries: States, passages: States) -> Center:
    """The teacher's centering: means of the training texts in each language."""
    own = list(samples().languages)
    sides = []
    for side, english, target in ((passages, 1, 2), (queries, 0, 3)):
        languages = {int(row): "en" for row in rows[:, english]}
        languages |= {int(row): language for row, language in zip(rows[:, target], own, strict=True)}
        sides += [side.embeddings[list(languages)], list(languages.values())]
    return Center.fit(*sides)


def judged(name: str, upper: Upper, work: Path) -> dict[str, Any]:
    """Figures of one collection, as it is and centered on the index and a sample of queries."""
    both = collection(name, work)
    q, d = (upper.embed(side, name) for side in states(name, work))
    figures: dict[str, Any] = {}
    for how, correction in (("none", None), ("centered", centered(both, q, d, 60))):
        vectors = corrected(correction, both, q, d)
        evaluation = cm.evaluate(
            both, PrecomputedEncoder(*vectors, name=how), scenarios=["multi", "mono-same"],
            measures=["Complete@10", "nDCG@1"], resamples=0,
        )  # fmt: skip
        values = {(r["measure"], r["scenario"], r["query_language"]): r["value"] for r in evaluation.rows}
        figures[how] = {
            "Complete@10": {label: values["Complete@10", "multi", label] for label in both.languages if label != "en"},
            "nDCG@1": values["nDCG@1", "multi", "macro-target"],
            "same@1": {label: values["nDCG@1", "mono-same", label] for label in both.languages},
        }
    return figures


def tried(setting: Setting | None, work: Path) -> dict[str, Any]:
    """Train by a setting and judge it; None judges the untrained encoder."""
    name = setting.name if setting else "untrained"
    path = work / "upper" / f"{slug(name)}.json"
    if path.exists():
        earlier: dict[str, Any] = json.loads(path.read_text())
        return earlier
    path.parent.mkdir(parents=True, exist_ok=True)
    started = time.process_time()
    result: dict[str, Any] = {"name": name, "setting": setting and vars(setting), "blends": {}}
    upper = Upper(model())
    before = after = upper.state_dict()
    if setting:
        before, after, losses = trained(setting, work)
        result |= {"losses": losses, "training_seconds": round(time.process_time() - started, 1)}
        torch.save(after, path.with_suffix(".pt"))
    for blend in BLENDS if setting else (0.0,):
        upper.load_state_dict(blended(before, after, blend))
        result["blends"][str(blend)] = {one: judged(one, upper, work) for one in JUDGED}
        print(line(name, blend, result["blends"][str(blend)]), flush=True)
    result["seconds"] = round(time.process_time() - started, 1)
    with written_whole(path) as file:
        file.write(json.dumps(result, indent=1).encode() + b"\n")
    return result


def line(name: str, blend: float, figures: dict[str, Any]) -> str:
    """What is shown while it runs."""
    cells = [
        f"{one} {how} {fmean(f['Complete@10'].values()):.1f} {f['nDCG@1']:.3f} {100 * fmean(f['same@1'].values()):.2f}"
        for one, by_how in figures.items()
        for how, f in by_how.items()
    ]
    return f"{name}, blend {blend}: {'; '.join(cells)}"


def main() -> None:
    command = parser(__doc__, "folder of states and results")
    command.add_argument("--minutes", type=float, default=1e9, help="time after which no further setting begins")
    command.add_argument("names", nargs="*", metavar="NAME", help=f"any of {'; '.join(one.name for one in settings())}")
    options = command.parse_args()
    end = time.time() + 60 * options.minutes
    prepare(options.work)
    tried(None, options.work)
    for setting in settings():
        if time.time() < end and (not options.names or setting.name in options.names):
            tried(setting, options.work)


if __name__ == "__main__":
    main()
