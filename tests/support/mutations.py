"""Damage to files: what happens to bytes on disks and wires, and what a tool with another idea of a format writes."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
import zlib
from contextlib import suppress

TOKENS = [
    *(b"null", b"true", b"[]", b"{}", b'""', b"-1", b"0", b"1.5", b"1e999", b"-1e308", b"NaN", b"Infinity", b"1_0"),
    *(b"9" * 30, b"9" * 5000, b"18446744073709551616", b"9223372036854775807", b"[" * 100, b'{"a":' * 100),
    *(b"[" * 100_000, b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b'"\\ud800"', b"\x00", b"\x1b[2J", b"\r", b"\t"),
    *("\u2028".encode(), "٣".encode(), b"en", b"de", b"zz-invalid-tag", b"../../x", b"\n", b'"', b",", b"x" * 3000),
]
NUMPY = [
    *(b"'<f4'", b"'|O'", b"'>f8'", b"'<c16'", b"'|V0'", b"'<U9999999'", b"'<M8[s]'", b"(-1, 4)", b"(1e9, 4)"),
    *(b"(9999999999999, 9999999)", b"(" * 300, b"True", b"None", b"(3,)", b"()", b"\xff", b"'", b"#", b"\\"),
]


def damaged(raw: bytes, random_source: random.Random) -> bytes:
    """The bytes with one to three faults; inside a container (gzip, zip) as often as outside."""
    if random_source.random() < 0.7:
        if raw[:2] == b"\x1f\x8b":
            with suppress(OSError, EOFError, zlib.error):
                return gzip.compress(damaged(gzip.decompress(raw), random_source), mtime=0)
        if raw[:2] == b"PK":
            return _rezipped(raw, random_source)
    for _ in range(random_source.choice((1, 1, 1, 2, 3))):
        raw = _fault(raw, random_source)
    return raw


def _rezipped(raw: bytes, random_source: random.Random) -> bytes:
    """An archive with one part damaged, gone or doubled, with checksums that fit."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            parts = [(name, archive.read(name)) for name in archive.namelist()]
    except Exception:  # it was damaged before, in any of many ways
        parts = []
    if not parts:
        return _fault(raw, random_source)
    position = random_source.randrange(len(parts))
    name, part = parts[position]
    choice = random_source.random()
    if choice < 0.1:
        del parts[position]
    elif choice < 0.2:
        parts[position] = (f"{name}{random_source.randrange(10**6)}", part)
    elif choice < 0.35:
        parts[position] = (name, parts[random_source.randrange(len(parts))][1])
    else:
        parts[position] = (name, _fault(part, random_source))
    target = io.BytesIO()
    method = random_source.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, part in parts:
            archive.writestr(name, part)
    return target.getvalue()


def _fault(raw: bytes, random_source: random.Random) -> bytes:
    start = random_source.randrange(len(raw) + 1)
    if raw[:6] == b"\x93NUMPY" and random_source.random() < 0.7:
        start = random_source.randrange(min(len(raw), 128) + 1)
        tokens = NUMPY
    else:
        tokens = TOKENS
    kind = random_source.randrange(8)
    if kind == 0:
        return raw[:start]
    if kind == 1:
        return raw[:start] + bytes([random_source.randrange(256)]) + raw[start + 1 :]
    if kind == 2:
        return raw[:start] + raw[start + random_source.randrange(1, 40) :]
    if kind == 3:
        return raw[:start] + random_source.choice(tokens) + raw[start:]
    if kind == 4:
        return _value_replaced(raw, random_source, tokens)
    if kind == 5:
        lines = raw.split(b"\n")
        row = random_source.randrange(len(lines))
        return b"\n".join([*lines[:row], lines[row], *lines[row:]])
    if kind == 6:
        stop = min(len(raw), start + random_source.randrange(1, 200))
        place = random_source.randrange(len(raw) + 1)
        return raw[:place] + raw[start:stop] + raw[place:]
    return _value_replaced(raw, random_source, TOKENS)


def _value_replaced(raw: bytes, random_source: random.Random, tokens: list[bytes]) -> bytes:
    """One value between marks of JSON, TSV or a header in place of another."""
    marks = [position for position, byte in enumerate(raw[:100_000]) if byte in b' :,[]{}()\t\n"']
    if len(marks) < 2:
        return random_source.choice(tokens) + raw
    first = random_source.randrange(len(marks) - 1)
    width = random_source.choice((1, 1, 1, 2, 3, 5))
    start, stop = marks[first] + 1, marks[min(first + width, len(marks) - 1)]
    return raw[:start] + random_source.choice(tokens) + raw[stop:]
