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


def test_plain_numpy_does_what_the_package_does() -> None:
    draw = np.random.default_rng(0)
    documents = INDEX.rows.astype(np.float64)
    queries = documents[::3] + 0.4 * draw.normal(size=documents[::3].shape)
    languages = np.array(INDEX.languages)
    names: dict[str, Any] = {
        "documents": documents, "languages": languages, "queries": queries, "query_languages": languages[::3],
    }  # fmt: skip
    exec(block("import numpy as np"), names)
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
