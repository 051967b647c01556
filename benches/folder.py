"""A folder in BEIR's layout with as many short documents as one likes: the texts of the workload `folder`.

Slots of neighbouring documents are translations of each other, one in each language; the same seed gives the same
bytes. Run as a script, it makes the folder with vectors for trials: `python benches/folder.py PLACE --documents N`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["LANGUAGES", "write_folder"]

LANGUAGES = ("en", "de", "fr", "es", "ru", "ar", "zh", "hi")
SEED = 2026
CHARACTERS = 330  # mean length of a text, which with its fields and in UTF-8 makes lines of about 490 bytes
_LETTERS = {"ru": (0x430, 32), "ar": (0x627, 36), "zh": (0x4E00, 3000), "hi": (0x905, 53)}
_LATIN = (0x61, 26)
_WORDS = 200_000


def _prose(language: str, rng: np.random.Generator) -> str:
    """A long text of random words in the script of a language, from which documents are cut."""
    first, count = _LETTERS.get(language, _LATIN)
    letters = rng.integers(0, count, 6 * _WORDS) + first
    spaces = np.cumsum(rng.integers(3, 9, _WORDS))
    letters[spaces[spaces < len(letters)]] = ord(" ")
    return "".join(map(chr, letters.tolist()))


def write_folder(
    folder: Path, documents: int, indptr: NDArray[np.int64], targets: NDArray[np.int64], seed: int = SEED
) -> None:
    """Write `corpus.jsonl`, `queries.jsonl` and `qrels/test.tsv`; document i is in language i modulo 8.

    Args:
        folder: New or existing folder.
        documents: Number of documents.
        indptr: `(queries + 1,)`: start of each query's documents in `targets`.
        targets: Row numbers of the relevant documents of all queries.
        seed: Seed of the texts.
    """
    rng = np.random.default_rng(seed)
    prose = [_prose(language, rng) for language in LANGUAGES]
    # In UTF-8 the other scripts take two or three bytes for a character.
    share = [1.0 if language not in _LETTERS else 0.55 for language in LANGUAGES]
    encode = msgspec.json.Encoder().encode
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    starts = rng.integers(0, 5 * _WORDS, documents).tolist()
    lengths = rng.integers(CHARACTERS // 2, 3 * CHARACTERS // 2, documents).tolist()
    with (folder / "corpus.jsonl").open("wb") as file:
        for row, (start, length) in enumerate(zip(starts, lengths, strict=True)):
            code = row % len(LANGUAGES)
            title = prose[code][start : start + 24].strip() or "-"
            text = f"{prose[code][start + 24 : start + 24 + int(share[code] * length)].strip()} {row}"
            slot = row // len(LANGUAGES)
            fields = {"_id": f"d{row}", "title": title, "text": text, "language": LANGUAGES[code], "group": f"g{slot}"}
            file.write(encode(fields) + b"\n")
    with (folder / "queries.jsonl").open("wb") as file:
        for query in range(len(indptr) - 1):
            code = query % len(LANGUAGES)
            text = f"{prose[code][97 * query % (5 * _WORDS) :][:60].strip()} {query}"
            fields = {
                "_id": f"q{query}",
                "text": text,
                "language": LANGUAGES[code],
                "group": f"q{query // len(LANGUAGES)}",
            }
            file.write(encode(fields) + b"\n")
    with (folder / "qrels" / "test.tsv").open("w", encoding="utf-8") as table:
        table.write("query-id\tcorpus-id\tscore\n")
        for query in range(len(indptr) - 1):
            for row in targets[indptr[query] : indptr[query + 1]].tolist():
                table.write(f"q{query}\td{row}\t1\n")


def main(arguments: Sequence[str] | None = None) -> None:
    from workloads import make

    parser = argparse.ArgumentParser(description="Make a folder in BEIR's layout, with vectors.")
    parser.add_argument("place", type=Path)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--dimension", type=int, default=384)
    chosen = parser.parse_args(arguments)
    work = make("folder", chosen.place, documents=chosen.documents, queries=chosen.queries, dimension=chosen.dimension)
    print(work.folder)


if __name__ == "__main__":
    main()
