"""`--encoder http://...` from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command_line import Run
from support.embeddings_server import Server, serving

from clinometer.encoders import endpoint


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(endpoint, "_FIRST_WAIT", 0.001)
    with serving() as running:
        yield running


def test_evaluating_with_a_server(
    run: Run, folder: Path, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINOMETER_API_KEY", "sk-secret")
    options = ["--encoder", server.address, "--model", "m", "--cache", tmp_path / "cache", "--query-prompt", "ask: "]
    options += ["--http", "concurrency=2", "--http", 'document-fields={"input_type": "passage"}', "--batch-size", "2"]
    done = run("evaluate", f"beir:{folder}", *options, "--json", "-o", tmp_path / "out")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["encoder"]["name"] == "m"
    assert found["encoder"]["settings"]["document_fields"] == {"input_type": "passage"}
    assert {header["Authorization"] for header in server.headers} == {"Bearer sk-secret"}
    asked = sorted(body["input"] for body in server.requests if "input_type" not in body)
    assert asked == [["ask: 0 de", "ask: 1 de"], ["ask: 0 en", "ask: 1 en"], ["ask: a"]]
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"sk-secret" not in written
    assert "sk-secret" not in done.out + done.err
    server.requests.clear()
    again = run("evaluate", f"beir:{folder}", *options, "--json")
    assert json.loads(again.out)["rows"] == found["rows"]
    assert server.requests == []


def test_encoding_with_a_server(run: Run, folder: Path, server: Server, tmp_path: Path) -> None:
    options = ["--encoder", server.address, "--model", "m", "-o", tmp_path / "store"]
    done = run("encode", f"beir:{folder}", *options)
    assert done.code == 0, done.err
    assert "4 documents in" in done.err


def test_fitting_a_correction_and_looking_at_geometry_with_a_server(
    run: Run, folder: Path, server: Server, tmp_path: Path
) -> None:
    options = ["--encoder", server.address, "--model", "m", "--cache", tmp_path / "cache", "--http", "concurrency=1"]
    done = run("correct", f"beir:{folder}", *options, "-o", tmp_path / "center.npz")
    assert done.code == 0, done.err
    assert "fitted on" in done.out
    assert {body["model"] for body in server.requests} == {"m"}
    done = run("geometry", f"beir:{folder}", *options, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["encoder"]["name"] == "m"
    assert len(json.loads(done.out)["rows"]) >= 1


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--http", "speed=1"], 2, "--http speed=1: unknown option 'speed'; expected one of concurrency, requests-per"),
        (["--http", "concurrency=many"], 2, "--http concurrency=many: invalid value ("),
        (["--http", "query-fields={"], 2, "--http query-fields={: invalid value ("),
        (["--http", "encoding-format=hex"], 2, "--http encoding-format=hex: invalid value ("),
        (["--http", "timeout=0"], 2, "timeout must be more than 0"),
        (["--max-length", "9"], 2, "--max-length has no effect on an encoder behind a URL"),
    ],
)
def test_wrong_options(run: Run, folder: Path, server: Server, options: list[str], code: int, sentence: str) -> None:
    done = run("evaluate", f"beir:{folder}", "--encoder", server.address, "--model", "m", *options)
    assert done.code == code
    assert sentence in done.err.splitlines()[-1]
    assert server.requests == []


def test_a_refusal_is_one_sentence(run: Run, folder: Path, server: Server) -> None:
    server.plan[:] = ["401"]
    done = run("evaluate", f"beir:{folder}", "--encoder", server.address, "--model", "m")
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith(f"clinometer: {server.address}/embeddings returned 401")
    assert "set CLINOMETER_API_KEY" in done.err
