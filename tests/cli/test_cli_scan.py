"""`clinometer scan`: the ranks of the rows that are stored, by their ids, or a sentence and no result."""

from __future__ import annotations

import errno
import gc
import gzip
import json
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command_line import Run, assert_complaint
from support.languages import LANGUAGES

import clinometer as cm
from clinometer.adapters import Adapter
from clinometer.correction import Center
from clinometer.encoders import EncoderRecord
from clinometer.errors import FormatError
from clinometer.files import lock, whole
from clinometer.io.trec import read_run
from clinometer.scanning.checkpoint import Checkpoint
from clinometer.scanning.passes import scan_piece
from clinometer.store import EmbeddingStore, StoreWriter

TOPICS, DIMENSION = 40, 12
LABELS = LANGUAGES * TOPICS


def rows(seed: int) -> np.ndarray[Any, Any]:
    draw = np.random.default_rng(seed)
    topic = np.repeat(np.random.default_rng(9).normal(size=(TOPICS, DIMENSION)), len(LANGUAGES), axis=0)
    language = 0.7 * np.tile(np.eye(len(LANGUAGES), DIMENSION), (TOPICS, 1))
    return (topic + language + 0.6 * draw.normal(size=topic.shape)).astype(np.float16)


def write(folder: Path, stage: Any, vectors: np.ndarray[Any, Any], cuts: tuple[int, ...], **record: Any) -> None:
    known = {"name": "model", "kind": "http", "revision": "7", "dimension": vectors.shape[1], **record}
    with StoreWriter(folder, EncoderRecord(**known), stage, "float16") as writer:
        for start, stop in pairwise(cuts):
            names = [f"{stage[0]}{row}" for row in range(start, stop)]
            writer.append(vectors[start:stop], names, LABELS[start:stop])


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """Documents in five shards of unequal length, and queries."""
    write(tmp_path / "stored" / "documents", "documents", rows(0), (0, 50, 53, 90, 91, 120))
    write(tmp_path / "stored" / "queries", "queries", rows(1), (0, 70, 120))
    return tmp_path / "stored"


def relevant_to(query: int) -> list[int]:
    """The documents of the query's topic; the last ten queries have none."""
    return [] if query >= 110 else [query // 3 * 3 + at for at in range(3)]


@pytest.fixture
def qrels(tmp_path: Path) -> Path:
    lines = [f"q{query} 0 d{row} {1 + row % 2}" for query in reversed(range(120)) for row in relevant_to(query)]
    (tmp_path / "judged.qrels").write_text("\n".join([*lines, "q3 0 d99 0", "q119 0 nowhere 0"]) + "\n")
    return tmp_path / "judged.qrels"


def wanted(documents: Any = None, queries: Any = None, **options: Any) -> cm.Scan:
    documents = rows(0) if documents is None else documents
    queries = rows(1) if queries is None else queries
    return cm.scan(queries[:110], documents, [relevant_to(query) for query in range(110)], LABELS, **options)


def ranks_in(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.open(folder / "ranks.jsonl.gz")]


def assert_ranks(folder: Path, found: cm.Scan) -> None:
    assert found.ranks is not None
    lines = ranks_in(folder)
    assert [line["rank"] for line in lines] == found.ranks.ranks().tolist()
    assert [line["rank_min"] for line in lines] == found.ranks.ranks(ties="optimistic").tolist()
    assert [line["rank_max"] for line in lines] == found.ranks.ranks(ties="pessimistic").tolist()
    assert np.array_equal(np.array([line["score"] for line in lines], dtype=np.float32), found.ranks.scores)
    kept = cm.RankCounts.load(folder / "ranks.npz")
    for name in ("indptr", "documents", "greater", "equal", "before", "pool_sizes"):
        assert np.array_equal(getattr(kept, name), getattr(found.ranks, name))


def test_what_a_scan_writes_and_says(run: Run, stored: Path, qrels: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("scan", stored, "--relevant", qrels, "-k", 4, "-o", out, "--json")
    assert done.code == 0, done.err
    found = wanted(k=4)
    assert_ranks(out, found)
    assert sorted(path.name for path in out.iterdir()) == ["ranks.jsonl.gz", "ranks.npz", "run.trec.gz", "scan.json"]
    first = ranks_in(out)[4]
    assert (first["query_id"], first["doc_id"], first["language"]) == ("q1", "d1", "de")
    said = json.loads(done.out)
    assert json.loads((out / "scan.json").read_text()) == said
    assert said["judgements"] == {"queries": 110, "relevant": 330, "queries_without_judgement": 10}
    assert "note: 10 queries without judgement, left out\n" in done.err
    assert said["encoder"]["name"] == "model"
    assert said["documents"]["rows"] == 120
    assert found.ranks is not None
    assert found.top is not None
    grades = [1 + row % 2 for query in range(110) for row in relevant_to(query)]
    for pool in (list(LANGUAGES), ["de"]):
        for name in ("MaxR", "MaxRnorm", "RR", "nDCG@10", "R@10", "R@4"):
            values = cm.measure(found.ranks, [name], languages=pool, grades=grades)[name]
            (row,) = (row for row in said["rows"] if (row["pool_languages"], row["measure"]) == (pool, name))
            assert row["value"] == float(np.nanmean(values))
            assert (row["queries"], row["documents"]) == (110, 40 * len(pool))
    listed = read_run(out / "run.trec.gz")
    assert [list(listed[f"q{query}"]) for query in range(110)] == [[f"d{row}" for row in ids] for ids in found.top.ids]
    table = run("scan", stored / "documents", "--queries", stored / "queries", "--relevant", qrels)
    assert [line.split()[0] for line in table.out.splitlines()[2:]] == ["en+de+zh", *LANGUAGES]


def test_lists_per_language(run: Run, stored: Path, qrels: Path, tmp_path: Path) -> None:
    done = run("scan", stored, "--relevant", qrels, "-k", 3, "--per-language", "-o", tmp_path)
    assert done.code == 0, done.err
    top = wanted(k=3, per_language=True).top
    assert top is not None
    for name, lists in [("run", top.pool(LANGUAGES)), *((f"run-{label}", top.pool([label])) for label in LANGUAGES)]:
        listed = read_run(tmp_path / f"{name}.trec.gz")
        assert [list(found) for found in listed.values()] == [[f"d{row}" for row in ids] for ids in lists.ids]
    assert_complaint(run("scan", stored, "--relevant", qrels, "--per-language"), 2, "--per-language", "-k")


@pytest.mark.parametrize("budget", ["30kB", "1GB"])
def test_a_budget_shows_nowhere(run: Run, stored: Path, qrels: Path, tmp_path: Path, budget: str) -> None:
    done = run("scan", stored, "--relevant", qrels, "-o", tmp_path, "--threads", 1, "--memory-budget", budget)
    if budget == "30kB":
        assert_complaint(done, 2, "--memory-budget is 30kB", "one query needs about 0.1 MB")
        budget = "140kB"
        done = run("scan", stored, "--relevant", qrels, "-o", tmp_path, "--threads", 1, "--memory-budget", budget)
    assert done.code == 0, done.err
    assert_ranks(tmp_path, wanted())


def test_three_forms_of_judgements(run: Run, stored: Path, qrels: Path, tmp_path: Path) -> None:
    cells = [line.split() for line in qrels.read_text().splitlines()]
    table = tmp_path / "judged.tsv"
    table.write_text("\n".join(["query-id\tcorpus-id\tscore", *("\t".join((c[0], c[2], c[3])) for c in cells)]))
    lines = tmp_path / "judged.jsonl.gz"
    with gzip.open(lines, "wt") as file:
        for cell in cells:
            grade = {} if cell[3] == "1" else {"grade": int(cell[3])}
            file.write(json.dumps({"query_id": cell[0], "document_id": cell[2], **grade}) + "\n")
    outs = [run("scan", stored, "--relevant", path).out for path in (qrels, table, lines)]
    assert outs[0] == outs[1] == outs[2]
    assert "zh" in outs[0]
    lines.write_bytes(gzip.compress(b'{"query_id": "q1", "document_id": "d1"}\n' * 2))
    assert_complaint(run("scan", stored, "--relevant", lines), 1, "judged.jsonl.gz:2: ", "judged twice")


def test_missing_ids(run: Run, stored: Path, qrels: Path) -> None:
    with qrels.open("a") as file:
        file.write("q1 0 x9 1\nnobody 0 d1 2\n")
    done = run("scan", stored, "--relevant", qrels)
    assert_complaint(done, 1, "names 1 queries that are not in", "'nobody'", "--allow-missing")
    done = run("scan", stored, "--relevant", qrels, "--allow-missing", "--json")
    assert done.code == 0, done.err
    judged = json.loads(done.out)["judgements"]
    assert (judged["missing_queries"], judged["missing_documents"], judged["relevant"]) == (1, 1, 330)
    assert "1 missing documents, left out" in done.err
    qrels.write_text("q1 0 x9 1\n")
    assert_complaint(run("scan", stored, "--relevant", qrels), 1, "1 documents that are not in", "'x9'")
    assert_complaint(run("scan", stored, "--relevant", qrels, "--allow-missing"), 1, "no relevant document")


def test_remedies_on_the_fly(run: Run, stored: Path, qrels: Path, tmp_path: Path) -> None:
    draw = np.random.default_rng(4)
    adapter = Adapter("linear", {"weight": draw.normal(size=(DIMENSION, DIMENSION)), "bias": np.zeros(DIMENSION)})
    adapter.save(tmp_path / "adapter.safetensors")
    adapted = [adapter.apply(rows(0)), adapter.apply_queries(rows(1))]
    correction = Center.fit(adapted[0], LABELS, adapted[1], LABELS)
    correction.save(tmp_path / "correction.npz")
    out = tmp_path / "out"
    given = ["--adapter", tmp_path / "adapter.safetensors", "--correction", tmp_path / "correction.npz"]
    done = run("scan", stored, "--relevant", qrels, *given, "-k", 2, "-o", out)
    assert done.code == 0, done.err
    straight = wanted(correction.apply(adapted[0], LABELS), correction.apply_queries(adapted[1], LABELS), k=2)
    assert_ranks(out, straight)
    said = json.loads((out / "scan.json").read_text())
    assert [entry["method"] for entry in said["encoder"]["remedies"]] == ["adapter", "center"]
    done = run("scan", stored, "--relevant", qrels, *given, "--query-languages", "unknown", "-o", out)
    assert_ranks(out, wanted(correction.apply(adapted[0], LABELS), correction.apply_queries(adapted[1])))
    done = run("scan", stored, "--relevant", qrels, *given, "--query-languages", "identify")
    assert_complaint(done, 2, "needs the texts")
    # Rows that have been through it are not sent through it again.
    Center.fit(rows(0), LABELS).save(tmp_path / "plain.npz")
    assert run("correct", stored, "--method", "center", "-o", tmp_path / "new").code == 0
    done = run("scan", tmp_path / "new", "--relevant", qrels, "--correction", tmp_path / "new" / "correction.npz")
    assert_complaint(done, 2, "was already applied to the embeddings of")


def test_blocks_of_remedies_show_nowhere() -> None:
    from clinometer.correction.remedies import Remedies
    from clinometer.executors import LocalExecutor
    from clinometer.scanning.pool import Pool
    from clinometer.scanning.sources import Held

    correction = Center.fit(rows(0), LABELS)
    codes = np.array([LANGUAGES.index(label) for label in LABELS], dtype=np.uint16)
    indptr, targets = np.arange(111), np.array([relevant_to(query)[2] for query in range(110)])
    found = []
    for block in (7, 1000):
        remedies = Remedies(None, correction, block=block)
        pool = Pool.of(
            [Held(rows(0))], codes, tuple(LANGUAGES), rows(1), transform=remedies, k=3, per_language=True, threads=1
        )
        found.append(pool.scan(rows(1)[:110], indptr, targets, LocalExecutor()))
    assert found[0].ranks is not None
    assert found[1].ranks is not None
    assert np.array_equal(found[0].ranks.greater, found[1].ranks.greater)
    assert found[0].top is not None
    assert found[1].top is not None
    assert np.array_equal(found[0].top.ids, found[1].top.ids)


def test_stores_that_do_not_belong_together(run: Run, stored: Path, qrels: Path, tmp_path: Path) -> None:
    write(tmp_path / "narrow", "queries", rows(1)[:, :5], (0, 120))
    done = run("scan", stored, "--queries", tmp_path / "narrow", "--relevant", qrels)
    assert_complaint(done, 1, "queries have dimension 5", "documents 12")
    write(tmp_path / "other", "queries", rows(1), (0, 120), revision="8")
    done = run("scan", stored, "--queries", tmp_path / "other", "--relevant", qrels)
    assert done.code == 0
    assert "warning: documents and queries were encoded differently (revision: '7' and '8')" in done.err
    done = run("scan", stored / "documents", "--relevant", qrels)
    assert_complaint(done, 2, "holds documents, but queries are needed")
    assert_complaint(run("scan", stored, "--relevant", qrels, "--executor", "x"), 2, "unknown executor 'x'")
    assert_complaint(run("scan", stored, "--relevant", qrels, "--memory-budget", "x"), 2, "--memory-budget is 'x'")
    assert_complaint(run("scan", stored, "--relevant", tmp_path / "no"), 1, "does not exist")


# Faults: a clear sentence, or the right result.


def damage(path: Path, at: int, bits: int = 0x40) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= bits
    path.write_bytes(data)


def test_a_flipped_bit(run: Run, stored: Path, qrels: Path) -> None:
    damage(stored / "documents" / "00002.npy", -3)
    done = run("scan", stored, "--relevant", qrels, "--verify")
    assert_complaint(done, 1, "00002.npy: its checksum differs from the manifest's")
    # A row that became infinite is found without the checksum.
    data = bytearray((stored / "documents" / "00002.npy").read_bytes())
    data[-2:] = np.float16(np.inf).tobytes()
    (stored / "documents" / "00002.npy").write_bytes(data)
    done = run("scan", stored, "--relevant", qrels)
    assert_complaint(done, 1, "00002.npy: row 89 of the documents has NaN or infinite components")


def test_a_flipped_bit_of_a_query(run: Run, stored: Path, qrels: Path) -> None:
    damage(stored / "queries" / "00000.npy", -3)
    done = run("scan", stored, "--relevant", qrels, "--verify")
    assert_complaint(done, 1, "00000.npy: its checksum differs from the manifest's")


def test_a_flipped_bit_among_the_ids(run: Run, stored: Path, qrels: Path) -> None:
    damage(stored / "documents" / "00004.jsonl", 8, 1)
    assert_complaint(
        run("scan", stored, "--relevant", qrels), 1, "00004.jsonl: its checksum differs from the manifest's"
    )


def test_a_truncated_shard(run: Run, stored: Path, qrels: Path) -> None:
    path = stored / "documents" / "00002.npy"
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 2)
    assert_complaint(run("scan", stored, "--relevant", qrels), 1, "00002.npy: ", "bytes, but expected")
    path.unlink()
    assert_complaint(run("scan", stored, "--relevant", qrels), 1, "00002.npy: missing")


def test_a_shard_of_another_dimension(run: Run, stored: Path, qrels: Path) -> None:
    np.save(stored / "documents" / "00002.npy", rows(0)[53:90, :8])
    done = run("scan", stored, "--relevant", qrels)
    assert_complaint(done, 1, "00002.npy: float16 of shape (37, 8), but the manifest says float16 of shape (37, 1")


def test_shards_that_change_after_the_store_was_opened(stored: Path) -> None:
    found = EmbeddingStore.open(stored / "documents")
    np.save(stored / "documents" / "00002.npy", rows(0)[53:90, :8])
    with pytest.raises(FormatError, match=r"00002.npy: float16 of shape"):
        cm.scan(rows(1), found)


class Killed(BaseException):
    """What nothing in the package catches."""


@pytest.mark.parametrize("after", range(5))
def test_a_killed_scan_goes_on(
    run: Run, stored: Path, qrels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    out, scanned, left = tmp_path / "out", [], after
    keep = Checkpoint.keep

    def killing(self: Checkpoint, *arguments: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        keep(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "keep", killing)
        with pytest.raises(Killed):
            run("scan", stored, "--relevant", qrels, "-k", 4, "-o", out)
    assert not (out / "scan.json").exists()

    def counted(asked: Any, piece: Any, progress: Any = None) -> Any:
        scanned.append(piece.start)
        return scan_piece(asked, piece, progress)

    monkeypatch.setattr("clinometer.scanning.pool.scan_piece", counted)
    done = run("scan", stored, "--relevant", qrels, "-k", 4, "-o", out)
    assert done.code == 0, done.err
    assert scanned == [0, 50, 53, 90, 91][after:]
    assert (f"{after} shards were finished by an earlier run" in done.err) == (after > 0)
    assert_ranks(out, wanted())
    assert not (out / "parts").exists()


KILLED = """
import os, signal, sys
from clinometer.scanning.checkpoint import Checkpoint
from clinometer.cli import main
keep, count = Checkpoint.keep, 0

def killing(self, *arguments):
    global count
    keep(self, *arguments)
    count += 1
    if count == 3:
        os.kill(os.getpid(), signal.SIGKILL)

Checkpoint.keep = killing
sys.argv = ["clinometer", *sys.argv[1:]]
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
def test_a_killed_driver(run: Run, stored: Path, qrels: Path, tmp_path: Path) -> None:
    command = ["scan", str(stored), "--relevant", str(qrels), "-o", str(tmp_path / "out")]
    killed = subprocess.run([sys.executable, "-c", KILLED, *command], capture_output=True, timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["parts"]
    done = run(*command)
    assert done.code == 0, done.err
    assert "3 shards were finished by an earlier run" in done.err
    assert_ranks(tmp_path / "out", wanted())


def stopped(*_: Any) -> None:
    raise Killed


def test_damaged_parts_are_scanned_again(
    run: Run, stored: Path, qrels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "clear", stopped)
        with pytest.raises(Killed):
            run("scan", stored, "--relevant", qrels, "-o", tmp_path / "out")
    parts = sorted((tmp_path / "out" / "parts").glob("part-*"))
    assert len(parts) == 5
    damage(parts[1], 3000)
    parts[3].write_bytes(parts[3].read_bytes()[:900])
    done = run("scan", stored, "--relevant", qrels, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert done.err.count("its shard is scanned again") == 2
    assert "3 shards were finished by an earlier run" in done.err
    assert_ranks(tmp_path / "out", wanted())


def test_parts_of_another_scan_are_refused(
    run: Run, stored: Path, qrels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "keep", stopped)
        with pytest.raises(Killed):
            run("scan", stored, "--relevant", qrels, "--work", tmp_path / "work")
    done = run("scan", stored, "--relevant", qrels, "--work", tmp_path / "work", "-k", 3)
    assert_complaint(done, 2, "holds parts of another scan (k: 0, now 3)")
    with qrels.open("a") as file:
        file.write("q2 0 d8 1\n")
    done = run("scan", stored, "--relevant", qrels, "--work", tmp_path / "work")
    assert_complaint(done, 2, "holds parts of another scan (relevant: ")
    done = run("scan", stored, "--relevant", qrels, "--work", tmp_path / "stored" / "documents")
    assert_complaint(done, 1, "this folder has no parts.json but")


def test_two_scans_at_once(run: Run, stored: Path, qrels: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    with lock(tmp_path / "work"):
        done = run("scan", stored, "--relevant", qrels, "--work", tmp_path / "work")
    assert_complaint(done, 1, "is being written by another run")
    assert run("scan", stored, "--relevant", qrels, "--work", tmp_path / "work").code == 0


# Python's own zip files cannot be closed where nothing can be written; NumPy 2.0 leaves that to its garbage collection.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ["part-00000-00002.npz", "ranks.npz", "ranks.jsonl.gz", "scan.json"])
def test_a_full_disk(
    run: Run, stored: Path, qrels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    out = tmp_path / "out"

    class Full:
        """A file on a disk that fills up after some bytes."""

        def __init__(self, file: Any) -> None:
            self._file, self._room = file, 100

        def write(self, data: Any) -> int:
            self._room -= len(data)
            if self._room < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return int(self._file.write(data))

        def writelines(self, lines: Any) -> None:
            for line in lines:
                self.write(line)

        def __getattr__(self, attribute: str) -> Any:
            return getattr(self._file, attribute)

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

    claimed = whole._claimed

    def filling(path: Path) -> Any:
        entry: Any = claimed(path)
        return entry._replace(file=Full(entry.file)) if path.name == name else entry

    with monkeypatch.context() as patched:
        patched.setattr(whole, "_claimed", filling)
        done = run("scan", stored, "--relevant", qrels, "-o", out)
    assert_complaint(done, 1, f"{name}: No space left on device; free some space and run the same command again")
    assert not (out / "scan.json").exists()
    assert not [*out.rglob("*.partial")]
    done = run("scan", stored, "--relevant", qrels, "-o", out)
    assert done.code == 0, done.err
    assert_ranks(out, wanted())
    gc.collect()  # such files are closed here, not amid another test
