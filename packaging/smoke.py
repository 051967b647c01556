"""Whether an installed clinometer works: the core against a count by NumPy, the command line, an evaluation with files.

Needs the core package and nothing else, so it runs where only a wheel was installed: python packaging/smoke.py
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

import clinometer as cm
from clinometer import _core


def check_the_core() -> None:
    """Ranks in a pool of small whole numbers, whose products are exact in any order."""
    rng = np.random.default_rng(0)
    queries, documents = (rng.integers(-4, 5, size=(rows, 32)).astype(np.float32) for rows in (50, 5_000))
    relevant = rng.integers(0, len(documents), size=len(queries))
    languages = np.array(["en", "de", "zh"])[rng.integers(0, 3, size=len(documents))]
    counts = cm.rank_relevant(
        queries, documents, [[row] for row in relevant], languages=languages.tolist(), similarity="dot"
    )
    scores = queries @ documents.T
    own = scores[np.arange(len(queries)), relevant][:, None]
    before = (scores > own) | ((scores == own) & (np.arange(len(documents)) < relevant[:, None]))
    np.testing.assert_array_equal(counts.ranks(), 1 + before.sum(axis=1))


def check_the_command_line() -> None:
    """The embedded collection, evaluated with arrays."""
    collection = cm.load("demo", languages=["en", "de"])
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for side in ("queries", "documents"):
            rows = rng.normal(size=(len(getattr(collection, side)), 16)).astype(np.float32)
            np.save(folder / f"{side}.npy", rows)
        arrays = [f"--{side}={folder / side}.npy" for side in ("queries", "documents")]
        results = folder / "results"
        _run("evaluate", "demo", "--languages", "en,de", "--encoder", "precomputed", *arrays, "-o", str(results))
        rows = json.loads((results / "results.json").read_text(encoding="utf-8"))["rows"]
        assert {row["query_language"] for row in rows} >= {"en", "de"}, rows[:3]
        _run("check", str(results), "--min", "Complete@10[multi]=0")


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "clinometer", *arguments], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    check_the_core()
    check_the_command_line()
    print(f"clinometer {version('clinometer')} works, with the kernels {', '.join(_core.instruction_sets())}")
