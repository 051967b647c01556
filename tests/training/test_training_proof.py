"""Before and after: what a proof writes, keeps, and says; and several seeds in one call."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from support import tiny_transformer
from support.languages import LANGUAGES

from clinometer.errors import UsageError
from clinometer.training.proof import prove
from clinometer.training.seeds import spread, train_seeds

pytestmark = [
    pytest.mark.models,
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("accelerate")
    sentence_transformers = pytest.importorskip("sentence_transformers")


def write_items(path: Path, count: int, seed: int, languages: tuple[str, ...] = LANGUAGES) -> str:
    """Parallel items whose words translate one by one."""
    texts = {
        language: [tiny_transformer.sentences(count, language, seed=seed + more) for more in (0, 1)]
        for language in languages
    }
    lines = [
        {
            "id": f"page{row}#0",
            "texts": {name: {"query": q[row], "document": f"{q[row]} {d[row]}"} for name, (q, d) in texts.items()},
        }
        for row in range(count)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    tiny_transformer.build(folder / "parts").save(str(folder / "model"))
    return folder / "model"


OPTIONS: dict[str, Any] = {
    "loss": "pool+mono",
    "batch_size": 8,
    "epochs": 4,
    "learning_rate": 5e-3,
    "precision": "float32",
    "freeze": "nothing",
}


def test_two_seeds_are_trained_evaluated_and_compared(base: Path, tmp_path: Path) -> None:
    data = write_items(tmp_path / "train.jsonl", 60, seed=1)
    other = write_items(tmp_path / "other.jsonl", 30, seed=50)
    arguments: Any = (base, data, ["de"], tmp_path / "out")
    call = {"seeds": (1, 2), "evaluate": [f"parallel:{other}"], "evaluations": 2, **OPTIONS}
    found = train_seeds(*arguments, **call).to_dict()
    assert [model["seed"] for model in found["models"]] == [1, 2]
    assert all(model["new"] for model in found["models"])
    name = "multi_macro-target_MaxRnorm"
    values = [model["development"][name] for model in found["models"]]
    assert found["development"][name]["mean"] == pytest.approx(sum(values) / 2)
    assert found["development"][name]["sd"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    proof = found["proofs"][0]
    here = tmp_path / "out" / "evaluation" / "parallel-other.jsonl"
    assert Path(proof["folder"]) == here
    for folder in ("before", "after-1", "after-2"):
        assert (here / folder / "results.json").exists()
    rows = {(row["encoder"], row["measure"], row["scenario"], row["query_language"]): row for row in proof["rows"]}
    for seed in (1, 2):
        row = rows[f"after-{seed}", "MaxRnorm", "multi", "trained"]
        assert row["after"] > row["before"]  # words that translate one by one are learned in seconds
        assert row["p_adjusted"] is not None
        assert ("after-1", "MaxRnorm", "multi", "unseen") in rows
    geometry = {name: json.loads((here / name / "geometry.json").read_text()) for name in ("before", "after-1")}
    margins = {name: {row["language"]: row["value"] for row in rows if row["measure"] == "margin"}
               for name, rows in geometry.items()}  # fmt: skip
    assert margins["after-1"]["de"] > margins["before"]["de"]
    assert "after-1" in (here / "mismatch.md").read_text(encoding="utf-8")
    assert (here / "mismatch.svg").read_text(encoding="utf-8").startswith("<svg")
    card = (tmp_path / "out" / "seed-1" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---")  # the header that a hub reads is still first
    assert card.count("<!-- begin: clinometer parallel-other.jsonl -->") == 1
    assert "Complete@10" in card
    # Again: nothing is trained or encoded, and the card has the comparison once.
    stamps = {path: path.stat().st_mtime_ns for path in here.glob("*/results.json")}
    again = train_seeds(*arguments, **call).to_dict()
    assert not any(model["new"] for model in again["models"])
    assert again["proofs"] == found["proofs"]
    assert {path: path.stat().st_mtime_ns for path in here.glob("*/results.json")} == stamps
    assert (tmp_path / "out" / "seed-1" / "README.md").read_text(encoding="utf-8") == card


def test_results_of_another_model_are_not_taken_for_this_one(base: Path, tmp_path: Path) -> None:
    data = write_items(tmp_path / "train.jsonl", 40, seed=1)
    other = f"parallel:{write_items(tmp_path / 'other.jsonl', 20, seed=50)}"
    train_seeds(base, data, ["de"], tmp_path / "a", evaluate=[other], **OPTIONS)
    train_seeds(base, data, ["de"], tmp_path / "b", evaluate=[other], **{**OPTIONS, "epochs": 1})
    place = "evaluation/parallel-other.jsonl/after"
    one = json.loads((tmp_path / "a" / place / "results.json").read_text())["rows"]
    # Results of another training lie where those of b would be looked for: they must be made again.
    for name in ("results.json", "per_query.jsonl.gz"):
        (tmp_path / "b" / place / name).write_bytes((tmp_path / "a" / place / name).read_bytes())
    train_seeds(base, data, ["de"], tmp_path / "b", evaluate=[other], **{**OPTIONS, "epochs": 1})
    two = json.loads((tmp_path / "b" / place / "results.json").read_text())["rows"]
    assert [row["value"] for row in one] != [row["value"] for row in two]


def test_a_collection_without_the_pivot_is_refused(tmp_path: Path) -> None:
    def never() -> Any:
        raise AssertionError("nothing is to be encoded")

    other = write_items(tmp_path / "other.jsonl", 10, seed=5, languages=("de", "zh"))
    with pytest.raises(UsageError, match="has de, zh, but en and another language are needed"):
        prove(f"parallel:{other}", never, {"after": never}, tmp_path / "evaluation", languages=["de"])


def test_seeds_must_differ(base: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"seeds is \[1, 1\]; give one or more different numbers"):
        train_seeds(base, "d", ["de"], tmp_path, seeds=(1, 1))


def test_spread_of_one_seed_has_no_deviation() -> None:
    assert spread([{"a": 2.0}]) == {"a": {"mean": 2.0, "sd": None}}
    assert spread([{"a": 1.0, "b": 1.0}, {"a": 3.0}]) == {"a": {"mean": 2.0, "sd": pytest.approx(2**0.5)}}
