"""The adapter in closed form: against ridge regression spelt out, on planted languages, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clinometer.adapters import centering_adapter, load, train_adapter
from clinometer.correction import Center
from clinometer.encoders import EncoderRecord
from clinometer.errors import UsageError

DIMENSION = 24
COUNTS = {"de": 90, "en": 210, "zh": 60}


def unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return result


def planted(seed: int) -> tuple[NDArray[np.float64], list[str]]:
    """Topics around a mean for each language, in unequal numbers, as rows of length one."""
    draw = np.random.default_rng(seed)
    means = np.random.default_rng(0).normal(size=(len(COUNTS), DIMENSION))
    labels = [label for label, count in COUNTS.items() for _ in range(count)]
    codes = [[*COUNTS].index(label) for label in labels]
    return unit(means[codes] + 0.7 * draw.normal(size=(len(labels), DIMENSION))), labels


@pytest.mark.parametrize("ridge", [0.01, 2.0])
def test_it_is_the_residual_of_a_ridge_regression_on_the_offsets(ridge: float) -> None:
    (documents, languages), (queries, query_languages) = planted(1), planted(2)
    adapter = centering_adapter(documents, languages, queries, query_languages, ridge=ridge)
    center = Center.fit(documents, languages, queries, query_languages, directions=0)
    tests = planted(3)[0]
    for rows, name, applied in (
        (documents, "document", adapter.apply(tests)),
        (queries, "query", adapter.apply_queries(tests)),
    ):
        strength = center.settings["strength" if name == "document" else "query_strength"]
        codes = [center.languages.index(label) for label in languages]
        offsets = strength * center.arrays[f"{name}_offsets"][codes]
        # The same regression as an ordinary one: rows weighted, and d more rows that pull each coefficient to 0.
        weights = np.array([1 / COUNTS[label] / len(COUNTS) for label in languages])[:, None]
        middle, common = (weights * rows).sum(axis=0), (weights * offsets).sum(axis=0)
        variance = float((weights * (rows - middle) ** 2).sum()) / DIMENSION
        left = np.concatenate([np.sqrt(weights) * (rows - middle), np.sqrt(ridge * variance) * np.eye(DIMENSION)])
        right = np.concatenate([np.sqrt(weights) * (offsets - common), np.zeros((DIMENSION, DIMENSION))])
        coefficients = np.linalg.lstsq(left, right)[0]
        expected = unit(tests - common - (tests - middle) @ coefficients)
        assert np.allclose(applied, expected, atol=1e-5), name
    assert adapter.rank == len(COUNTS)
    assert adapter.settings["documents_fitted"] == COUNTS


def test_it_comes_near_to_centering_that_knows_the_languages() -> None:
    documents, languages = planted(1)
    adapter = centering_adapter(documents, languages, documents, languages)
    center = Center.fit(documents, languages, documents, languages, directions=0)
    tests, labels = planted(4)
    nearness = (adapter.apply(tests) * center.apply(tests, labels)).sum(axis=1)
    untouched = (unit(tests) * center.apply(tests, labels)).sum(axis=1)
    assert nearness.mean() > 0.93
    assert untouched.mean() < 0.7
    apart = [np.linalg.norm(rows[:90].mean(0) - rows[90:300].mean(0)) for rows in (tests, adapter.apply(tests))]
    assert apart[1] < 0.2 * apart[0]


def test_what_cannot_be_fitted_is_refused() -> None:
    rows, labels = planted(1)
    with pytest.raises(UsageError, match="ridge is 0, but must be greater than 0"):
        centering_adapter(rows, labels, rows, labels, ridge=0)
    with pytest.raises(UsageError, match="documents are in de, en, zh and the queries in en; give both in the same"):
        centering_adapter(rows, labels, rows[90:300], labels[90:300])
    with pytest.raises(UsageError, match="documents are in en and the queries in en; give both in the same"):
        centering_adapter(rows[90:300], labels[90:300], rows[90:300], labels[90:300])


class Planted:
    """Knows texts by their number, and checks that queries are asked for as queries."""

    record = EncoderRecord(name="planted", kind="precomputed", revision="1", dimension=DIMENSION)
    wants_languages = True

    def encode_queries(self, texts: Sequence[str], **options: Any) -> NDArray[np.float32]:
        assert all("question" in text for text in texts)
        return self._rows(texts, options["languages"])

    def encode_documents(self, texts: Sequence[str], **options: Any) -> NDArray[np.float32]:
        assert all("answer" in text for text in texts)
        return self._rows(texts, options["languages"])

    def _rows(self, texts: Sequence[str], languages: Sequence[str]) -> NDArray[np.float32]:
        assert all(text.startswith(label) for text, label in zip(texts, languages, strict=True))
        rows = [np.random.default_rng(int(text.split()[-1])).normal(size=DIMENSION) for text in texts]
        return np.array(rows, dtype=np.float32)


def test_from_files(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    lines = []
    for row in range(30):
        texts = {
            label: {"query": f"{label} question {row}", "document": f"{label} answer {label}more {label}words {row}"}
            for label in (("en", "de") if row % 3 else ("en", "zh"))
        }
        lines.append(json.dumps({"id": f"page{row}#0", "texts": texts}) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    adapter, history = train_adapter(path, ["de", "zh"], Planted(), teacher="centered", dev_share=0.0, ridge=0.5)
    assert history == []
    assert adapter.settings["documents_fitted"] == {"de": 20, "en": 30, "zh": 10}
    assert adapter.settings["queries_fitted"] == {"de": 20, "en": 30, "zh": 10}
    assert adapter.settings["loss"] == {"name": "least squares", "ridge": 0.5}
    assert adapter.settings["encoder"] == {"name": "planted", "revision": "1"}
    assert adapter.settings["data"]["training"]["samples"] == {"de": 20, "zh": 10}
    adapter.save(tmp_path / "adapter.safetensors")
    assert load(tmp_path / "adapter.safetensors").digest == adapter.digest
    for options in ({"rank": 4, "loss": "clear"}, {"kind": "linear"}):
        with pytest.raises(UsageError, match=f"in closed form; leave out {', '.join(options)}"):
            train_adapter(path, ["de"], Planted(), teacher="centered", **options)
    with pytest.raises(UsageError, match="unknown value 'turned' of teacher; expected pivot or centered"):
        train_adapter(path, ["de"], Planted(), teacher="turned")  # type: ignore[arg-type]
