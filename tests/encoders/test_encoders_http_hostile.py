"""Servers that send what harms: vectors that cannot be scored, answers without an end, and the caller's own key."""

from __future__ import annotations

import base64
import gzip
import html
import json
import logging
import pickle
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.embeddings_server import DIMENSION, Server, serving, vectors

import clinometer as cm
from clinometer.encoders import HttpEncoder, HttpOptions
from clinometer.encoders import endpoint as endpoint_module
from clinometer.encoders.answers import UnusableRowError, rows_of
from clinometer.encoders.secrecy import repeats_key, without_key
from clinometer.errors import ClinometerError, EncoderError, FormatError, UsageError

KEY = "sk-very-secret-0123456789"
TEXTS = ["a", "b", "a", "c"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_module, "_FIRST_WAIT", 0.001)
    monkeypatch.setenv("CLINOMETER_API_KEY", KEY)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def encoder_of(server: Server, cache: Path | None = None, batch_size: int = 4, **options: Any) -> HttpEncoder:
    encoder = HttpEncoder(server.address, "m", batch_size=batch_size, cache=cache, options=HttpOptions(**options))
    server.requests.clear()
    return encoder


def refusal(server: Server, fault: str, **options: Any) -> str:
    """What is said of a fault that is not retried."""
    encoder = encoder_of(server, **options)
    server.plan[:] = [fault]
    with pytest.raises(EncoderError) as caught:
        encoder.encode_documents(TEXTS)
    assert len(server.requests) == 1
    return str(caught.value)


def embeddings(rows: list[str]) -> bytes:
    items = ", ".join(f'{{"index": {index}, "embedding": {row}}}' for index, row in enumerate(rows))
    return f'{{"data": [{items}], "model": "served-model"}}'.encode()


FINE = "[" + ", ".join(["1"] * DIMENSION) + "]"
NAN = "NaN or infinity"


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (FINE.replace("1", "NaN", 1), NAN),
        (FINE.replace("1", "nan", 1), NAN),
        (FINE.replace("1", "-nan", 1), NAN),
        (FINE.replace("1", "null", 1), NAN),
        (FINE.replace("1", "-Infinity", 1), NAN),
        (FINE.replace("1", "1e60", 1), NAN),
        (FINE.replace("1", "0"), "only zeros"),
        (FINE.replace("1", "1e-60"), "only zeros"),
        (json.dumps(base64.b64encode(np.full(DIMENSION, np.nan, np.float32).tobytes()).decode()), NAN),
        (json.dumps(base64.b64encode(np.zeros(DIMENSION, np.float32).tobytes()).decode()), "only zeros"),
    ],
)
@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_vector_that_cannot_be_scored_is_refused_at_once_with_its_row(
    server: Server, tmp_path: Path, row: str, kind: str, concurrency: int
) -> None:
    server.body = embeddings([FINE, FINE, row])
    encoder = encoder_of(server, tmp_path, concurrency=concurrency)
    server.plan[:] = ["body"]
    # The third text that was sent is in row 3: row 2 is the text of row 0 again.
    with pytest.raises(EncoderError, match=rf"^documents, row 3: http://\S+ returned {kind} in its embedding; check"):
        encoder.encode_documents(TEXTS)
    assert len(server.requests) == 1
    assert not list(tmp_path.rglob("*.npy"))


def test_the_first_vector_is_looked_at_as_well(server: Server) -> None:
    server.body, server.plan = embeddings([FINE.replace("1", "NaN")]), ["body"]
    with pytest.raises(UnusableRowError, match=r"returned NaN or infinity"):
        HttpEncoder(server.address, "m")
    assert len(server.requests) == 1


def test_a_server_that_cannot_write_nan_is_not_asked_again(server: Server) -> None:
    server.body = b'{"error": {"message": "failed to encode response: json: unsupported value: NaN"}}'
    assert "the model computes NaN or infinity for a text of this request" in refusal(server, "body-of 500")


def test_a_cache_with_unusable_vectors_is_named(server: Server, tmp_path: Path) -> None:
    encoder_of(server, tmp_path).encode_documents(TEXTS)
    (batch,) = tmp_path.rglob("*.npy")
    table = np.load(batch)
    table["row"][1] = 0
    np.save(batch, table)
    with pytest.raises(
        FormatError, match=rf"{batch.name}: holds an embedding that is zero, NaN or infinite; remove it"
    ):
        encoder_of(server, tmp_path).encode_documents(TEXTS)


def test_an_error_of_one_row_survives_a_process() -> None:
    error = pickle.loads(pickle.dumps(UnusableRowError(3, "bad")))
    assert (error.text, error.problem, str(error)) == (3, "bad", "text 3 of a request: bad")


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("deep", "returned JSON that is nested too deeply to be embeddings"),
        ("large", "returned more than 4 MiB for 3 texts; check the URL, or lower batch_size"),
        ("gzip", r"compressed its response (gzip), which was not requested"),
        ("index", "whose indices should be 0 to 2, each once, but are a huge number"),
        ("page", "does not respond in the format of OpenAI's embeddings"),
        ("name", "returned a name of its model that repeats the API key, is longer than 200"),
        ("escape", "returned a name of its model that repeats the API key, is longer than 200"),
    ],
)
def test_a_harmful_body_is_one_sentence(server: Server, fault: str, sentence: str) -> None:
    whole = embeddings([FINE] * 3)
    server.body = {
        "deep": b'{"other": ' + b"[" * 100_000,
        "large": whole + b" " * (6 << 20),
        "gzip": gzip.compress(b" " * (1 << 24)),
        "index": whole.replace(b'"index": 0', b'"index": ' + b"9" * 4000),
        "page": b'"' + b"<p>" * 1000 + b'"',
        "name": whole.replace(b"served-model", b"m" * 201),
        "escape": whole.replace(b"served-model", rb"m\u001b[2J"),
    }[fault]
    server.body_headers = {"Content-Encoding": "gzip"} if fault == "gzip" else {}
    message = refusal(server, "body")
    assert sentence in message
    assert len(message) < 500
    assert "\x1b" not in message


@pytest.mark.parametrize(
    ("start", "part"),
    [
        (b"", "HTTP/1.1 100 Continue\\r\\n\\r\\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", "x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", " "),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", " "),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\\r\\n \\r\\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X: y\\r\\n"),
        (b"HTTP/1.1 500 No\r\n\r\n", " "),
    ],
)
def test_an_answer_that_drips_ends_with_the_timeout(server: Server, start: bytes, part: str) -> None:
    encoder = encoder_of(server, timeout=0.3, retries=1)
    server.body, server.pause_in_body, server.plan = start, 0.01, [f"repeat {part}"] * 2
    began = time.monotonic()
    with pytest.raises(EncoderError, match=r"did not respond within 0\.3 s, 2 times; raise the timeout"):
        encoder.encode_documents(TEXTS)
    assert time.monotonic() - began < 30


def test_an_answer_without_an_end_is_cut(server: Server) -> None:
    server.body = b"HTTP/1.1 200 OK\r\n\r\n"
    assert "returned more than 4 MiB for 3 texts" in refusal(server, "repeat " + " " * 50_000)


FORMS = {
    "plain": KEY,
    "cut": KEY[:15] + "...",
    "url": quote(KEY, safe="").replace("-", "%2D"),
    "url twice": quote(quote(KEY).replace("-", "%2D")),
    "all of it in per cent": "".join(f"%{ord(character):02x}" for character in KEY),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 of a header": base64.urlsafe_b64encode(f"Bearer {KEY}".encode()).decode(),
    "base64 of a pair": base64.b64encode(f"me:{KEY}".encode()).decode(),
    "base64 in base64": base64.b64encode(b"x" + base64.b64encode(KEY.encode())).decode(),
    "base32": base64.b32encode(KEY.encode()).decode(),
    "hex": KEY.encode().hex(),
    "hex with colons": KEY.encode().hex(":"),
    "json": "".join(f"\\u{ord(character):04x}" for character in KEY),
    "json twice": json.dumps("".join(f"\\u{ord(character):04x}" for character in KEY)),
    "python": "".join(f"\\x{ord(character):02x}" for character in KEY),
    "html": "".join(f"&#{ord(character)};" for character in KEY),
    "html in hex": html.escape("".join(f"&#x{ord(character):x};" for character in KEY)),
    "spaced": " ".join(KEY),
    "lines": "\n".join([KEY[:8], KEY[8:16], KEY[16:]]),
    "upper case": KEY.upper(),
    "backwards": KEY[::-1],
}


def echoed(place: str, echo: str) -> bytes:
    """An answer that has a text in one place."""
    code, phrase, head, body = 500, "No", "", b""
    one_line = echo.replace("\n", " ")
    if place == "message":
        body = json.dumps({"error": {"message": f"bad key {echo} here"}}).encode()
    elif place == "text":
        body = f"bad key {echo}".encode()
    elif place == "location":
        code, head = 302, f"Location: https://elsewhere.example/{one_line}?key={one_line}\r\n"
    elif place == "header":
        head = f"Retry-After: {one_line}\r\nContent-Encoding: {one_line}\r\n"
    elif place == "model":
        code, body = 200, embeddings([FINE] * 3).replace(b"served-model", json.dumps(echo).encode()[1:-1])
    elif place == "field":
        code, body = 200, json.dumps({"data": [{"index": 0, "embedding": echo}], echo: echo}).encode()
    else:
        phrase = one_line
    return f"HTTP/1.1 {code} {phrase}\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


@pytest.mark.parametrize("place", ["message", "text", "location", "phrase", "header", "model", "field"])
def test_the_key_does_not_come_back(
    server: Server, tmp_path: Path, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    encoder = encoder_of(server, tmp_path / "cache", retries=1)
    for form, echo in FORMS.items():
        caplog.clear()
        server.body, server.plan = echoed(place, echo), ["whole"] * 2
        with caplog.at_level(logging.DEBUG), pytest.raises(EncoderError) as caught:
            encoder.encode_documents(TEXTS)
        shown = str(caught.value) + caplog.text
        kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()).decode("latin-1")
        for text in (shown, repr(encoder), str(encoder.record), kept):
            assert not repeats_key(text, KEY), (form, text)
            assert echo not in text, form
            assert echo.replace("\n", " ") not in text, form
        if place in ("message", "text"):
            sentence = "bad key ***" if form == "plain" else "its message repeats the API key, and is left out"
            assert sentence in shown, form


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=10, max_size=60), st.text(max_size=30))
def test_a_text_with_the_key_in_it_never_shows_it(key: str, around: str) -> None:
    for form in (key, quote(key, safe=""), base64.b64encode(key.encode()).decode(), key.encode().hex()):
        shown = without_key(around + " " + form + " " + around, key)
        assert not repeats_key(shown, key)
        assert form not in shown or form in "its message repeats the API key, and is left out"


def test_ordinary_messages_are_shown() -> None:
    message = "The model `m` does not exist. Incorrect API key provided: sk-very-****. See https://host.example/docs"
    assert without_key(message, "sk-very-secret") == message
    assert without_key("no model", "m") == "no ***odel"  # a short key is replaced, and nothing more is suspected
    assert without_key("x" * 1000, None) == f"{'x' * 133}…{'x' * 66}"


def test_redirects_are_not_followed(server: Server) -> None:
    with serving() as elsewhere:
        for code in (301, 302, 303, 307, 308):
            for path in ("/v1/embeddings", "/v1/embeddings?key=hidden#part"):
                target = elsewhere.address.replace("/v1", path)
                message = refusal(server, f"{code} {target}")
                assert f"give the URL that it points to, {elsewhere.address}/embeddings" in message
                assert "hidden" not in message
        message = refusal(server, f"302 http://me:hidden@127.0.0.1:{elsewhere.server_port}/v1")
        assert "hidden" not in message
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "http://me:hidden@host/v1",
        "http://me:hidden@host:port/v1",
        "http://hidden@host/v1",
        "http://host/v1?key=hidden",
        "http://host/v1#hidden",
        "http://host/v1 hidden",
        "HTTPS://me:hidden@host/v1",
        "http://me:hidden@[::1/v1",
        "http://host/\x1b[2Jhidden",
        "http://höst/hidden",
    ],
)
def test_a_secret_in_the_url_is_not_repeated(address: str) -> None:
    with pytest.raises(UsageError) as caught:
        cm.encoder(address, model="m")
    assert "hidden" not in str(caught.value)
    with pytest.raises(UsageError) as caught:
        cm.encoder(address)
    assert "hidden" not in str(caught.value)


def test_the_key_is_not_taken_where_it_would_be_recorded(server: Server) -> None:
    for place in ({"model": f"m-{KEY}"}, {"query_prompt": KEY}, {"options": HttpOptions(query_fields={"a": [KEY]})}):
        arguments: dict[str, Any] = {"model": "m"} | place
        name = "query_fields" if "options" in place else next(iter(place))
        with pytest.raises(UsageError, match=f"^{name} has the API key in it, and would be recorded; remove it"):
            HttpEncoder(server.address, **arguments)
    with pytest.raises(UsageError, match=r"^address has the API key in it"):
        HttpEncoder(f"{server.address}/{KEY}", "m")
    assert HttpEncoder(server.address, "ollama", api_key="ollama").record.name == "ollama"


@pytest.mark.parametrize(
    "arguments",
    [
        {"address": 5},
        {"address": None},
        {"model": 5},
        {"model": "\ud800"},
        {"api_key": 5},
        {"query_prompt": 5},
        {"document_prompt": "\udfff"},
        {"batch_size": "many"},
        {"batch_size": None},
        {"options": 5},
        {"options": HttpOptions(concurrency="many")},  # type: ignore[arg-type]
        {"options": HttpOptions(concurrency=10**9)},
        {"options": HttpOptions(timeout=1e300)},
        {"options": HttpOptions(timeout=float("nan"))},
        {"options": HttpOptions(retries=None)},  # type: ignore[arg-type]
        {"options": HttpOptions(encoding_format="hex")},  # type: ignore[arg-type]
        {"options": HttpOptions(query_fields={"a": object()})},
        {"options": HttpOptions(query_fields=[])},  # type: ignore[arg-type]
    ],
)
def test_arguments_of_another_type_are_refused(server: Server, arguments: dict[str, Any]) -> None:
    with pytest.raises(ClinometerError):
        HttpEncoder(**({"address": server.address, "model": "m"} | arguments))
    assert server.requests == []


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example", "-"])
def test_a_host_that_cannot_be_one_is_not_asked_again(host: str) -> None:
    with pytest.raises(EncoderError, match="cannot be reached"):
        HttpEncoder(f"http://{host}/v1", "m", api_key="")


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff", b'{"data": [' + b"1" * 5000, b"\x00" * 9, b'{"data": NaN}', b'{"model": "\\ud800"}']
)
def test_what_is_not_json_is_of_two_classes(raw: bytes) -> None:
    import msgspec

    with pytest.raises((EncoderError, msgspec.DecodeError, UnicodeDecodeError)):
        rows_of(raw, 1, "here")


def test_vectors_come_through_all_of_this(server: Server) -> None:
    np.testing.assert_array_equal(encoder_of(server).encode_documents(TEXTS), vectors(TEXTS))


def test_a_handshake_that_drips_ends_with_the_timeout() -> None:
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.sendall(b"\x16\x03\x03\x40\x00\x02")  # a record of 16 KiB begins
            while not over.wait(0.02):
                connection.sendall(b"\x00")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        try:
            address = f"https://127.0.0.1:{listener.getsockname()[1]}/v1"
            with pytest.raises(EncoderError, match=r"did not respond within 0\.3 s; raise"):
                HttpEncoder(address, "m", options=HttpOptions(timeout=0.3, retries=0))
        finally:
            over.set()
            thread.join()
