"""Whether the hub answers, and which name a typo meant."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clinometer.encoders import hub
from clinometer.encoders.families import family_of
from clinometer.errors import EncoderError


def test_a_hub_that_never_answers_is_not_waited_for() -> None:
    asked = threading.Event()
    never = threading.Event()

    def request() -> None:
        asked.set()
        never.wait()

    try:
        assert hub._failure(request, 0.05) == "no answer within 0.05 s"
        assert asked.is_set()
    finally:
        never.set()


def test_a_failure_is_one_short_line_and_any_answer_is_one() -> None:
    def fail() -> None:
        raise OSError(f"name not known.\nand a long story {'x' * 1000}")

    assert hub._failure(fail, 5) == "name not known"
    assert hub._failure(lambda: 503, 5) == ""
    assert hub._failure(lambda: time.sleep(0.2), 60) == ""  # a slow answer is waited for


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("intfloat/multilingual-e5-smal", "intfloat/multilingual-e5-small"),
        ("multilingual-e5-base", "intfloat/multilingual-e5-base"),
        ("baai/bge-m3", "BAAI/bge-m3"),
        ("offlin", "offline"),
        ("bm52", "bm25"),
        ("Qwen/Qwen3-Embeding-0.6B", "Qwen/Qwen3-Embedding-0.6B"),
    ],
)
def test_a_typo_names_what_was_meant(name: str, meant: str) -> None:
    assert hub.did_you_mean(name) == f"; did you mean {meant}?"


@pytest.mark.parametrize("name", ["BAAI/bge-m3", "my/own-retriever", "x", "x" * 5000, "intfloat/multilingual-e5-large"])
def test_no_name_is_made_up(name: str) -> None:
    assert hub.did_you_mean(name) == ""


def test_folders_and_downloaded_models_are_near_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("models/tuned-encoder-de", "models/tuned-encoder-dx", "cache/models--owner--first-encoder/snapshots"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "models" / "tuned-encoder-de" / "modules.json").write_text("[]")  # the other one holds no model
    monkeypatch.chdir(tmp_path)
    constants = SimpleNamespace(HF_HUB_CACHE=str(tmp_path / "cache"))
    stand_in: Any = SimpleNamespace(constants=constants)
    monkeypatch.setitem(sys.modules, "huggingface_hub", stand_in)
    assert hub.did_you_mean("models/tuned-encoder-d") == "; did you mean models/tuned-encoder-de?"
    assert hub.did_you_mean("./models/tuned-encoderde") == "; did you mean ./models/tuned-encoder-de?"
    assert hub.did_you_mean("owner/firt-encoder") == "; did you mean owner/first-encoder?"
    constants.HF_HUB_CACHE = str(tmp_path / "none")
    assert hub.did_you_mean("owner/firt-encoder") == ""


def test_well_known_names_are_names_of_models() -> None:
    assert len(set(hub.WELL_KNOWN)) == len(hub.WELL_KNOWN)
    assert all(name in ("offline", "bm25") or name.count("/") == 1 for name in hub.WELL_KNOWN)
    assert family_of([hub.WELL_KNOWN[2]]) is not None


@pytest.mark.models
def test_the_real_loader_is_not_started_without_a_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host = pytest.importorskip("sentence_transformers")
    constants = pytest.importorskip("huggingface_hub").constants
    from clinometer.encoders.loading import load_model

    def started(*arguments: Any, **options: Any) -> None:
        raise AssertionError("the loader was started")

    monkeypatch.setattr(host, "SentenceTransformer", started)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path))
    with pytest.raises(EncoderError, match=r"the hub cannot be reached .* did you mean intfloat/multilingual-e5-base"):
        load_model("intfloat/multilingual-e5-bas")
    with pytest.raises(EncoderError, match="cannot be the name of a model on the hub"):
        load_model("-" * 300)
