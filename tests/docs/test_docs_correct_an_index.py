"""docs/how-to/correct-an-index.md: its Python blocks do what the package does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import documentation
from support.page_setups import INDEX, index_names

import clinometer as cm
from clinometer.correction import Center
from clinometer.correction.feedback import fed_back
from clinometer.encoders import PrecomputedEncoder
from clinometer.mining import expanded, turned

PAGE = "docs/how-to/correct-an-index.md"


def block(start: str) -> str:
    """The block whose first line starts so."""
    matching = [block.code for block in documentation.blocks(PAGE) if block.code.startswith(start)]
    assert len(matching) == 1, start
    return matching[0]


def test_arrays_of_your_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names = index_names()
    exec(block("from clinometer.correction import Center"), names)
    assert (tmp_path / "center.npz").exists()
    exec(block("from clinometer.mining import turned"), names)
    assert capsys.readouterr().out == "('de', 'zh') []\n"
    assert names["index_vectors"].shape == INDEX.rows.shape
    turned_vectors = names["index_vectors"]
    exec(block("from clinometer.mining import expanded"), names)
    assert capsys.readouterr().out == "('de', 'zh') []\n"
    np.testing.assert_array_equal(
        names["index_vectors"], expanded(turned_vectors, INDEX.languages).apply(turned_vectors)
    )


def plain_numpy() -> dict[str, Any]:
    """The names of the page's first block on a vector database."""
    draw = np.random.default_rng(0)
    documents = INDEX.rows.astype(np.float64)
    queries = documents[::3] + 0.4 * draw.normal(size=documents[::3].shape)
    languages = np.array(INDEX.languages)
    names: dict[str, Any] = {
        "documents": documents, "languages": languages, "queries": queries, "query_languages": languages[::3],
    }  # fmt: skip
    exec(block("import numpy as np"), names)
    return names


def test_plain_numpy_does_what_the_package_does() -> None:
    names = plain_numpy()
    documents, queries, languages = names["documents"], names["queries"], names["languages"]
    center = Center.fit(
        documents, INDEX.languages, queries, INDEX.languages[::3], query_strength=0.7, strength=1.0, shrinkage=0.0,
        directions=0,
    )  # fmt: skip
    turn = turned(center, documents, INDEX.languages)
    stored = turn.apply(documents, INDEX.languages)
    np.testing.assert_allclose(names["stored"], stored, atol=1e-5)
    corrected = turn.apply_queries(queries, INDEX.languages[::3])
    best = cm.search(corrected, stored, k=1).ids[:, 0]
    second = cm.search(fed_back(corrected, stored[best], 0.2), stored, k=10).ids
    listed = np.array([names["search"](q, label)[:10] for q, label in zip(queries, languages[::3], strict=True)])
    np.testing.assert_array_equal(listed, second)
    np.testing.assert_array_equal(listed[:, 0], best)
    exec(block("total, count = np.zeros_like(stored)"), names)
    expansion = expanded(stored, INDEX.languages)
    assert len(expansion.documents) > 0.8 * len(stored)
    np.testing.assert_allclose(names["stored"], expansion.apply(stored), atol=1e-5)


def test_own_first_in_plain_numpy_does_what_the_package_does() -> None:
    names = plain_numpy()
    exec(block("def own_first(query, language):"), names)
    languages, stored = names["languages"], names["stored"].astype(np.float32)
    # Vague queries, so that a correction changes what comes first.
    queries = 9 * np.random.default_rng(1).normal(size=(60, stored.shape[1])) + names["queries"][:60]
    labels = languages[::3][:60]
    builder = cm.CollectionBuilder("index")
    for row, label in enumerate(languages):
        builder.add_document(str(row), str(row), label)
    listed, searched = (
        [names[search](q, label) for q, label in zip(queries, labels, strict=True)]
        for search in ("own_first", "search")
    )
    assert sum(a.tolist() != b.tolist() for a, b in zip(listed, searched, strict=True)) > 10
    for row, label in enumerate(labels):
        builder.add_query(f"q{row}", str(row), label)
        builder.judge(f"q{row}", str(listed[row][row % 7]), 1)
    center = {label: names["query_means"][label] for label in set(labels)}
    moved = [names["unit"](one) - 0.7 * center[label] for one, label in zip(queries, labels, strict=True)]
    corrected = np.stack([one @ names["turns"][label] for one, label in zip(moved, labels, strict=True)])
    after, before = (
        PrecomputedEncoder(*(rows.astype(np.float32) for rows in pair))
        for pair in ((corrected, stored), (queries, names["documents"]))
    )
    evaluation = cm.evaluate(
        builder.build(), after, own_first=before, scenarios=["multilingual"], measures=["RR"], feedback=0.2, resamples=0
    )
    ranks = dict(zip(evaluation.per_query["query_id"], evaluation.per_query["RR"], strict=True))
    assert ranks == {f"q{row}": pytest.approx(1 / (1 + row % 7)) for row in range(60)}
