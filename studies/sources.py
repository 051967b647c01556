"""Where the inputs of the studies are: the checkout, the evaluation data next to it, and the encoders."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
DATA = ROOT.parent / "shared" / "data"
MODEL = ROOT / "models" / "multilingual-e5-small"
ENCODERS = {"offline": "offline", "multilingual-e5-small": str(MODEL)}
SOURCES = {
    "xquad": f"xquad:{DATA / 'xquad'}",
    "belebele": f"belebele:{DATA / 'belebele'}",
    "tico19": f"parallel:{DATA / 'tico19' / 'tico19_retrieval.jsonl.gz'}",
}
TITLES = {"tico19": "TICO-19", "xquad": "XQuAD", "belebele": "Belebele", "demo": "The demo collection"}
EVALUATED = ("xquad", "belebele")
"""Collections on which nothing is chosen."""


def training_files() -> list[Path]:
    """The parallel texts that studies train and fit on, none of which is evaluated."""
    return sorted((DATA / "train").glob("*.jsonl.gz"))
