"""`clinometer correct STORE`: a copy with the same rows in the same order, corrected, or a sentence and no copy."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command_line import Run, assert_complaint
from support.languages import LANGUAGES
from support.planted import rows
from support.translated_index import DIMENSION, translated_index

from clinometer.correction import Center, Turn, load
from clinometer.encoders import EncoderRecord
from clinometer.mining import turned
from clinometer.store import EmbeddingStore, StoreWriter


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """Documents in shards of unequal length, and queries, as float16."""
    folder, record = tmp_path / "stored", EncoderRecord(name="model", kind="http", revision="7", dimension=20)
    groups = [str(row // len(LANGUAGES)) for row in range(120)]
    for stage, prefix, cuts in (("documents", "d", (0, 50, 53, 120)), ("queries", "q", (0, 120))):
        with StoreWriter(folder / stage, record, stage, "float16") as writer:  # type: ignore[arg-type]
            vectors = rows(seed=0 if stage == "documents" else 1)
            for start, stop in pairwise(cuts):
                labels = [LANGUAGES[row % len(LANGUAGES)] for row in range(start, stop)]
                writer.append(
                    vectors[start:stop], [f"{prefix}{row}" for row in range(start, stop)], labels, groups[start:stop]
                )
    return folder


@pytest.mark.parametrize("options", [["--method", name] for name in ("center", "shift", "query-shift", "calibrate")])
def test_a_store_and_its_corrected_copy(run: Run, stored: Path, tmp_path: Path, options: list[str]) -> None:
    before = {path: path.read_bytes() for path in stored.rglob("*") if path.is_file()}
    done = run("correct", stored, *options, "--sample", "30", "--json", "--progress", "-o", tmp_path / "new")
    assert done.code == 0, done.err
    assert "correct: 240 of 240 rows, " in done.err
    told = json.loads(done.out)
    assert told["rows"] == {"documents": 120, "queries": 120}
    assert {path: path.read_bytes() for path in before} == before
    correction = load(tmp_path / "new" / "correction.npz")
    assert told["correction"]["digest"] == correction.digest
    assert correction.settings["fitted_on"]["encoder"] == "model"
    for stage, apply in (("documents", correction.apply), ("queries", correction.apply_queries)):
        old, new = EmbeddingStore.open(stored / stage), EmbeddingStore.open(tmp_path / "new" / stage)
        new.verify()
        assert (new.ids, new.languages, new.groups, new.dtype) == (old.ids, old.languages, old.groups, old.dtype)
        assert [len(shard) for shard in new.shards()] == [len(shard) for shard in old.shards()]
        wanted = apply(old.rows(0, 120), old.languages).astype(np.float16)
        np.testing.assert_array_equal(new.rows(0, 120), wanted)
        assert new.dimension == correction.output_dimension
        assert new.record.name == f"model + {options[1]}"
        assert [(entry["method"], entry["digest"]) for entry in new.record.remedies] == [
            (options[1], correction.digest)
        ]
        assert old.record.remedies == []


def test_a_correction_fitted_before_is_applied_to_a_store(run: Run, stored: Path, tmp_path: Path) -> None:
    assert run("correct", stored, "-o", tmp_path / "one").code == 0
    # Also from the folder in which a corrected store lies, and to one store alone.
    done = run("correct", stored / "documents", "--correction", tmp_path / "one", "-o", tmp_path / "two")
    assert done.code == 0, done.err
    one, two = EmbeddingStore.open(tmp_path / "one" / "documents"), EmbeddingStore.open(tmp_path / "two")
    np.testing.assert_array_equal(one.rows(0, 120), two.rows(0, 120))
    assert (tmp_path / "one" / "correction.npz").read_bytes() == (tmp_path / "two" / "correction.npz").read_bytes()
    # The correction was fitted with queries' own means; the store of documents alone moves queries by documents.
    assert run("correct", stored / "documents", "-o", tmp_path / "three").code == 0
    assert load(tmp_path / "three" / "correction.npz").settings["query_means"] == "documents"
    done = run("correct", tmp_path / "one", "--correction", tmp_path / "one", "-o", tmp_path / "four")
    assert_complaint(done, 2, "one/documents already has this correction (center ")
    assert not (tmp_path / "four").exists()
    # Another one on top is no mistake, and both are kept in their order.
    assert run("correct", tmp_path / "one", "--method", "lir", "-o", tmp_path / "five").code == 0
    record = EmbeddingStore.open(tmp_path / "five" / "queries").record
    assert [entry["method"] for entry in record.remedies] == ["center", "lir"]


def test_a_correction_for_another_encoder_is_told_at_once(run: Run, stored: Path, tmp_path: Path) -> None:
    center = Center.fit(rows(), [LANGUAGES[row % len(LANGUAGES)] for row in range(120)])
    other = {"encoder": "other", "kind": "http", "revision": "7", "query_prompt": "", "document_prompt": ""}
    replace(center, settings={**center.settings, "fitted_on": other | {"revision": "8"}}).save(tmp_path / "other.npz")
    done = run("correct", stored, "--correction", tmp_path / "other.npz", "-o", tmp_path / "new")
    assert done.code == 0, done.err
    sentence = "the correction was fitted on embeddings of other (8), not of model (7); fit it again for this encoder"
    assert done.err.count(f"warning: {sentence}\n") == 1
    assert EmbeddingStore.open(tmp_path / "new" / "documents").record.warnings == [sentence]


@pytest.mark.parametrize("origin", [{}, {"encoder": "other"}, {"source": "texts"}, {"more": 1}])
def test_a_correction_may_say_little_of_its_fit(
    run: Run, stored: Path, tmp_path: Path, origin: dict[str, object]
) -> None:
    center = Center.fit(rows(), [LANGUAGES[row % len(LANGUAGES)] for row in range(120)])
    replace(center, settings={**center.settings, "fitted_on": origin}).save(tmp_path / "own.npz")
    done = run("correct", stored, "--correction", tmp_path / "own.npz", "-o", tmp_path / "new")
    assert (done.code, "fitted on texts" in done.out) == (0, "source" in origin), done.err
    assert ("not of model" in done.err) == ("encoder" in origin)
    replace(center, settings={**center.settings, "fitted_on": ["x"]}).save(tmp_path / "own.npz")
    done = run("correct", stored, "--correction", tmp_path / "own.npz", "-o", tmp_path / "again")
    assert_complaint(done, 1, "own.npz: damaged correction (its fitted_on does not describe an encoder)")


def test_corrections_that_do_not_fit_a_store(run: Run, stored: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    Center.fit(np.eye(4), ["en", "de", "zh", "zh"]).save(tmp_path / "small.npz")
    done = run("correct", stored, "--correction", tmp_path / "small.npz", "-o", new)
    assert_complaint(
        done, 2, "has 20 dimensions, but the correction was fitted on 4; fit it on embeddings of this store"
    )
    Center.fit(rows(), ["en", "de"] * 60).save(tmp_path / "two.npz")
    done = run("correct", stored, "--correction", tmp_path / "two.npz", "-o", new)
    assert_complaint(
        done, 2, "two.npz was not fitted on documents in zh (40); it knows de, en; fit it again with texts"
    )
    done = run("correct", stored, "--correction", tmp_path / "absent.npz", "-o", new)
    assert_complaint(done, 1, "absent.npz: No such file or directory; check the path")
    done = run("correct", stored, "--correction", tmp_path / "two.npz", "--components", "3", "--sample", "9", "-o", new)
    assert_complaint(done, 2, "two.npz is already fitted; leave out --components, --sample")
    done = run("correct", stored, "--encoder", "offline", "--max-length", "9", "-o", new)
    assert_complaint(done, 2, "holds embeddings, not texts; leave out --encoder, --max-length")
    done = run("correct", stored / "queries", "-o", new)
    assert_complaint(done, 2, "holds queries, but documents are needed; give their store")
    done = run("correct", stored, "-o", stored)
    assert_complaint(done, 2, "already exists; choose a new folder, the corrected store is a copy")
    (tmp_path / "empty").mkdir()
    done = run("correct", tmp_path / "empty", "-o", new)
    assert_complaint(done, 1, "this folder is not a store of embeddings")
    done = run("correct", tmp_path / "nowhere", "-o", new)
    assert_complaint(done, 2, "nowhere' is neither a collection nor the folder of a store")
    assert not new.exists()
    (stored / "queries" / "00000.npy").unlink()
    done = run("correct", stored, "-o", new)
    assert_complaint(done, 1, "1 of 2 files are bad: 00000.npy: missing")
    assert not new.exists()


def test_a_copy_that_does_not_fit_leaves_nothing(
    run: Run, stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, calls = StoreWriter.append, iter(range(9))

    def dying(self: Any, *arguments: Any, **options: Any) -> None:
        if next(calls) == 2:
            raise OSError(28, "No space left on device", "new")
        append(self, *arguments, **options)

    before = sorted(tmp_path.iterdir())
    with monkeypatch.context() as patched:
        patched.setattr(StoreWriter, "append", dying)
        assert_complaint(run("correct", stored, "-o", tmp_path / "new"), 1, "No space left on device")
    assert sorted(tmp_path.iterdir()) == before
    assert run("correct", stored, "-o", tmp_path / "new").code == 0
    assert (tmp_path / "new" / "correction.npz").exists()


@pytest.fixture
def translated(tmp_path: Path) -> Path:
    """An index of translated documents, in shards, with queries near to every second one."""
    index = translated_index({"en": 90, "de": 80, "zh": 70}, 0.9, seed=4)
    folder, record = tmp_path / "translated", EncoderRecord(name="model", kind="http", dimension=DIMENSION)
    ids = [f"d{row}" for row in range(len(index.languages))]
    with StoreWriter(folder / "documents", record, "documents", "float32") as writer:
        for start, stop in ((0, 100), (100, 113), (113, 240)):
            part = slice(start, stop)
            writer.append(index.rows[part], ids[part], index.languages[part], index.groups[part])
    with StoreWriter(folder / "queries", record, "queries", "float32") as writer:
        writer.append(index.rows[::2] + 0.1, ids[::2], index.languages[::2], index.groups[::2])
    return folder


def test_a_turn_is_fitted_on_the_index_of_a_store(run: Run, translated: Path, tmp_path: Path) -> None:
    done = run("correct", translated, "--method", "center", "--turn", "--json", "-o", tmp_path / "new")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    turn = load(tmp_path / "new" / "correction.npz")
    assert isinstance(turn, Turn)
    assert turn.turned == ("de", "zh")
    assert turn.settings["turn"]["pairs_right"] == {"de": 1.0, "zh": 1.0}
    by_language = {row["language"]: row for row in result["languages"]}
    assert by_language["de"]["pairs"] == turn.settings["turn"]["pairs"]["de"] > 50
    assert by_language["de"]["pairs_right"] == 1.0
    assert by_language["en"]["pairs"] is None
    # The centering is the one without a turn, and the turn the one of Python.
    assert run("correct", translated, "-o", tmp_path / "centered").code == 0
    center = load(tmp_path / "centered" / "correction.npz")
    assert isinstance(center, Center)
    assert turn.center.digest == center.digest
    store = EmbeddingStore.open(translated / "documents")
    in_memory = turned(center, store.rows(0, 240), store.languages)
    np.testing.assert_array_equal(turned(center, store).arrays["rotations"], in_memory.arrays["rotations"])
    for stage, apply in (("documents", turn.apply), ("queries", turn.apply_queries)):
        old, new = EmbeddingStore.open(translated / stage), EmbeddingStore.open(tmp_path / "new" / stage)
        np.testing.assert_array_equal(new.rows(0, len(new)), apply(old.rows(0, len(old)), old.languages))
        assert new.record.name == "model + center + turn"
        assert [entry["digest"] for entry in new.record.remedies] == [center.digest, turn.digest]
    for again in ("centered", "new"):
        done = run("correct", tmp_path / again, "--correction", tmp_path / "new", "-o", tmp_path / "twice")
        assert_complaint(done, 2, f"{again}/documents already has this correction (center {center.digest})")


def test_options_of_a_turn(run: Run, stored: Path, translated: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    done = run("correct", translated, "--turn", "--turn-sample", "30", "--pivot", "de", "-o", new)
    assert done.code == 0, done.err
    turn = load(new / "correction.npz")
    assert isinstance(turn, Turn)
    assert "en" in turn.turned
    assert turn.settings["turn"]["documents_tried"] == {"en": 30, "zh": 30}
    assert f"turned to de: {', '.join(turn.turned)}" in done.out
    done = run("correct", translated, "--turn", "--method", "lir", "-o", tmp_path / "no")
    assert_complaint(done, 2, "--turn follows the method center, not lir")
    done = run("correct", translated, "--turn-sample", "30", "-o", tmp_path / "no")
    assert_complaint(done, 2, "--turn-sample is an option of --turn")
    done = run("correct", translated, "--turn", "--pivot", "fr", "-o", tmp_path / "no")
    assert_complaint(done, 2, "the index has no documents in fr")
    done = run("correct", stored, "--turn", "--turn-sample", "5", "-o", tmp_path / "no")
    assert_complaint(done, 2, "no language has enough probable translations in en for a turn")
    assert not (tmp_path / "no").exists()


def test_auto_on_a_store_counts_languages_alone(run: Run, stored: Path, tmp_path: Path) -> None:
    done = run("correct", stored, "--method", "auto", "--json", "-o", tmp_path / "new")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert result["advice"]["evidence"]["kind"] == "rows"
    assert result["advice"]["evidence"]["stand_ins"] == "queries"
    assert "harm was not measured" in result["advice"]["reasons"][0]
    assert result["rows"] == {"documents": 120, "queries": 120}
    assert load(tmp_path / "new" / "correction.npz").settings["chosen_by"]["remedy"] == result["advice"]["remedy"]
    done = run("correct", stored, "--method", "auto", "--tolerance", "0.02", "-o", tmp_path / "other")
    assert_complaint(done, 2, "--tolerance needs texts, but a store has none")
