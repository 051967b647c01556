"""docs/how-to/other-tools.md: what its blocks compute, and those that need mteb."""

from __future__ import annotations

import gzip
import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
from support import documentation

import clinometer as cm

PAGE = "docs/how-to/other-tools.md"
E5 = '"intfloat/multilingual-e5-small"'


def blocks(heading: str) -> list[str]:
    """The blocks of code under a heading."""
    return [block.code for block in documentation.blocks(PAGE) if block.heading == heading]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def namespace(demo_evaluation: cm.Evaluation) -> dict[str, Any]:
    return {"cm": cm, "evaluation": demo_evaluation}


def test_a_run_of_another_pool(workplace: Path) -> None:
    exec(blocks("BEIR and TREC")[1], {})
    from clinometer.io.trec import read_run

    run = read_run(workplace / "run.trec")
    assert len(run) == 450
    documents = {document for ranked in run.values() for document in ranked}
    assert {document.partition(":")[0].partition("-")[0] for document in documents} == {"en", "de"}


def test_ir_measures(workplace: Path) -> None:
    pytest.importorskip("ir_measures")
    (block,) = blocks("ir_measures")[:1]
    values: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(block.replace("provider.calc_aggregate", "values = provider.calc_aggregate"), values)
    assert {str(measure): value for measure, value in values["values"].items()}["MaxR"] == 2.0


def test_model_cards(workplace: Path, namespace: dict[str, Any]) -> None:
    (workplace / "models" / "mine").mkdir(parents=True)
    (block,) = blocks("Model cards")
    exec(block, namespace)
    assert "MaxRnorm" in (workplace / "models" / "mine" / "README.md").read_text(encoding="utf-8")


@pytest.mark.models
@pytest.mark.shared
@pytest.mark.filterwarnings("ignore")
def test_mteb(shared: Path, workplace: Path, tmp_path: Path) -> None:
    pytest.importorskip("mteb", reason="the extra mteb is not installed", exc_type=ImportError)
    host = pytest.importorskip("sentence_transformers")
    from support import tiny_transformer

    (workplace / "data" / "xquad").mkdir(parents=True)
    for language in ("en", "de", "zh"):  # a few articles are enough
        content = json.loads(gzip.decompress((shared / f"data/xquad/xquad.{language}.json.gz").read_bytes()))
        content["data"] = content["data"][:4]
        (workplace / f"data/xquad/xquad.{language}.json").write_text(json.dumps(content), encoding="utf-8")
    tiny_transformer.build(tmp_path / "parts").save(str(tmp_path / "tiny"))
    first, second = blocks("mteb")
    # An encoder that knows the words: equal scores would be in another order on the two sides.
    first, count = re.subn(rf"cm\.encoder\({E5}, .*\)", 'cm.encoder("offline")', first)
    assert count == 1
    second = second.replace(f"mteb.get_model({E5})", f"get_model({str(tmp_path / 'tiny')!r})")
    values: dict[str, Any] = {}
    exec(first, values)
    theirs = {score["hf_subset"]: score["ndcg_at_10"] for score in values["result"].task_results[0].scores["test"]}
    assert list(theirs) == ["en+de:en", "en+de:de", "en+zh:en", "en+zh:zh"]
    ours = {row["subset"]: row["value"] for row in values["rows"] if row["measure"] == "nDCG@10"}
    assert theirs == pytest.approx({subset: ours[subset] for subset in theirs}, abs=1e-4)
    exec(second, values | {"get_model": host.SentenceTransformer})
