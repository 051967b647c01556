"""`clinometer geometry`: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command_line import Run

from clinometer.geometry import MEASURES


@pytest.fixture
def geometry(run: Run, folder: Path) -> Run:
    def command(*arguments: object) -> Any:
        stored = ["--queries", folder / "queries.npy", "--documents", folder / "documents.npy"]
        return run("geometry", f"beir:{folder}", "--encoder", "precomputed", *stored, *arguments)

    return command


def test_rows_go_to_standard_output_and_into_a_file(geometry: Run, tmp_path: Path) -> None:
    done = geometry("--json", "-o", tmp_path / "new" / "rows.json")
    assert done.code == 0, done.err
    assert (tmp_path / "new" / "rows.json").read_text() == done.out
    found = json.loads(done.out)
    assert list(found) == ["collection", "encoder", "settings", "rows"]
    assert found["settings"]["command"].startswith("clinometer geometry beir:")
    values = {row["measure"]: row["value"] for row in found["rows"]}
    assert list(values) == list(MEASURES)
    assert {(row["pivot"], row["language"], row["pairs"]) for row in found["rows"]} == {("en", "de", 2)}
    # (1, 0, 0) with (0.8, 0.6, 0), and (0, 1, 0) with (0, 0.6, 0.8); the other two cosines are 0 and 0.6.
    assert values["mismatch_l1"] == pytest.approx((0.8 + 1.2) / 2, abs=1e-6)
    assert values["margin"] == pytest.approx(0.7 - 0.3, abs=1e-6)
    assert "4 documents" in done.err


def test_the_table_has_a_line_for_each_language(geometry: Run) -> None:
    done = geometry("--pivot", "de", "--read", "scaled")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[-1].startswith("English")
    assert "MEXA" in done.out


def test_a_correction_comes_behind_the_encoder(geometry: Run, folder: Path, tmp_path: Path) -> None:
    from clinometer.correction import Center

    documents = np.load(folder / "documents.npy")
    Center.fit(documents, ["en", "en", "de", "de"], strength=1.0, shrinkage=0.0).save(tmp_path / "center.npz")
    rows = json.loads(geometry("--json", "--correction", tmp_path / "center.npz").out)["rows"]
    values = {row["measure"]: row["value"] for row in rows}
    assert values["language_gap_norm"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--read", "cosine"], 2, "clinometer: unknown form 'cosine' of embeddings; expected one of raw, normalized"),
        (["--pivot", "fr"], 2, "the texts are in en, de, but the pivot 'fr' and another language are needed"),
    ],
)
def test_mistakes_are_one_sentence(geometry: Run, arguments: list[str], code: int, sentence: str) -> None:
    done = geometry(*arguments)
    assert (done.code, done.out) == (code, "")
    assert sentence in done.err
    assert "Traceback" not in done.err


def test_embeddings_belong_to_precomputed(run: Run, folder: Path) -> None:
    done = run("geometry", f"beir:{folder}", "--encoder", "precomputed")
    assert (done.code, done.err) == (
        2,
        "clinometer: --encoder precomputed needs --queries FILE.npy and --documents FILE.npy\n",
    )
    done = run("geometry", f"beir:{folder}", "--documents", folder / "documents.npy")
    assert "are for --encoder precomputed" in done.err
