"""Contents of files: what decoders of other libraries raise, and what headers only claim, is an error of ours."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinometer import contents
from clinometer.contents import decode_json, mapped_npy, npz_arrays, numbered_lines, read_bytes, too_deep
from clinometer.errors import FormatError

PROBLEM = "not the right file"


def npy(header: str, body: bytes = b"") -> bytes:
    """A `.npy` file with any header."""
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


def header(dtype: str = "'<f4'", shape: str = "(2, 2)", fortran: str = "False") -> str:
    return f"{{'descr': {dtype}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n"


HEADERS = {
    "empty": b"",
    "magic": b"\x93NUMPZ" + npy(header())[6:],
    "version": b"\x93NUMPY\x09\x00" + npy(header())[8:],
    "cut": npy(header())[:20],
    "brackets": npy("(" * 300),
    "a million brackets": npy("[" * 60_000),
    "indentation": npy("{\n  'descr'\n 1"),
    "bytes": npy(header().replace("f", "\x00")),
    "shape of text": npy(header(shape="'ab'")),
    "shape of a number": npy(header(shape="4")),
    "shape below zero": npy(header(shape="(-2, -2)"), b"\0" * 16),
    "shape above all memory": npy(header(shape="(9999999999999, 99999999999)")),
    "shape that a product makes zero": npy(header(shape="(0, 99999999999999999999999999)")),
    "shape of booleans": npy(header(shape="(True, None)"), b"\0" * 16),
    "unknown type": npy(header(dtype="'<q9'")),
    "type of no size": npy(header(dtype="'|V0'")),
    "type of text, too long": npy(header(dtype="'<U99999999999'")),
    "objects": npy(header(dtype="'|O'"), b"\0" * 32),
    "hidden objects": npy(header(dtype="[('a', '|O')]"), b"\0" * 32),
    "shorter than it says": npy(header(), b"\0" * 15),
    "zip": b"PK\x03\x04" + b"\0" * 40,
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers_that_lie_or_are_none(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(HEADERS[name])
    with pytest.raises(FormatError, match=PROBLEM):
        mapped_npy(path, PROBLEM)
    archive = tmp_path / "a.npz"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.npy", HEADERS[name])
    with pytest.raises(FormatError, match=PROBLEM):
        npz_arrays(archive, PROBLEM)


ARRAYS = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.asfortranarray(np.arange(6, dtype=">i8").reshape(2, 3)),
    np.empty((0, 3), np.float16),
    np.array(2.5),
    np.array(["a", "bcd"]),
    np.array([(1, [1, 2])], dtype=[("n", "<i4"), ("row", "<f4", (2,))]),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: str(array.dtype))
def test_good_arrays_come_as_numpy_reads_them(array: np.ndarray[Any, Any], tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array)
    mapped = mapped_npy(tmp_path / "a.npy", PROBLEM)
    np.testing.assert_array_equal(mapped, array)
    assert (mapped.dtype, mapped.shape) == (array.dtype, array.shape)
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", a=array, b=np.arange(3))
        arrays = npz_arrays(tmp_path / "a.npz", PROBLEM)
        np.testing.assert_array_equal(arrays["a"], array)
        assert (arrays["a"].dtype, list(arrays)) == (array.dtype, ["a", "b"])
        assert arrays["a"].flags.writeable


def archive_of(member: bytes, **fields: Any) -> bytes:
    """An archive with one array, and changed fields in its directory and local header."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("a.npy", member)
    content = bytearray(raw.getvalue())
    central = content.rindex(b"PK\x01\x02")
    if "method" in fields:
        content[8:10] = content[central + 10 : central + 12] = fields["method"].to_bytes(2, "little")
    if "flags" in fields:
        content[6:8] = content[central + 8 : central + 10] = fields["flags"].to_bytes(2, "little")
    if "version" in fields:
        content[central + 6 : central + 8] = fields["version"].to_bytes(2, "little")
    return bytes(content)


GOOD = npy(header(), b"\0" * 16)
ARCHIVES = {
    "empty": b"",
    "text": b"PK is not enough",
    "cut": archive_of(GOOD)[:-10],
    "encrypted": archive_of(GOOD, flags=1),
    "unknown compression": archive_of(GOOD, method=97),
    "version": archive_of(GOOD, version=255),
    "deflate of what is not": archive_of(GOOD, method=8),
    "bzip2 of what is not": archive_of(GOOD, method=12),
    "lzma of what is not": archive_of(GOOD, method=14),
    "longer than it says": archive_of(GOOD + b"\0"),
    "checksum": archive_of(GOOD).replace(b"\0" * 16, b"\0" * 15 + b"\1"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_that_are_none(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(ARCHIVES[name])
    with pytest.raises(FormatError, match=PROBLEM):
        npz_arrays(path, PROBLEM)


def test_a_small_archive_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", npy(header(shape="(10000, 5000)"), bytes(200_000_000)))
    assert path.stat().st_size < 300_000
    tracemalloc.start()
    with pytest.raises(FormatError, match="which it cannot hold"):
        npz_arrays(path, PROBLEM)
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize("levels", [65, 100, 1_000, 100_000])
def test_deep_json_is_a_sentence(levels: int) -> None:
    for raw in (nested(levels), b'{"a":' * levels + b"1" + b"}" * levels, b"[" * levels, b'{"b": ' + nested(levels)):
        with pytest.raises(FormatError, match="nested more than 64 levels deep; so there"):
            decode_json(raw, dict[str, Any], "file", "so there")


@given(
    st.recursive(
        st.text(max_size=3) | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=2), inner)
    )
)
def test_depth_is_counted_outside_of_strings(value: Any) -> None:
    import msgspec

    def depth(item: Any) -> int:
        inner = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        return (isinstance(item, (dict, list)) and 1) + max(map(depth, inner), default=0)

    levels = 65 - depth(value)
    raw = msgspec.json.encode(value)
    padding = b'"' + b"[" * 200 + b'\\"' + b"{" * 200 + b'",'
    assert not too_deep(b"[" + padding + raw + b"]")
    assert too_deep(b"[" * levels + padding + raw + b"]" * levels)
    assert not too_deep(b"[" * (levels - 1) + padding + raw + b"]" * (levels - 1))


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"[]", "Expected `object`"),
        (b'{"a": \xff}', "not UTF-8"),
        (b'{"a": "\\ud800"}', ""),
        (b'{"a": 1e999}', "out of range"),
        (b'{"a": ' + b"9" * 5000 + b"}", "out of range"),
        (b'{"a": NaN}', "malformed"),
        (b"\x00", "malformed"),
    ],
)
def test_json_that_is_none(raw: bytes, problem: str) -> None:
    with pytest.raises(FormatError, match=f"^file: not mine: .*{problem}"):
        decode_json(raw, dict[str, Any], "file", "not mine: {problem}")


def test_lines_and_files_have_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_LONGEST_LINE", 1000)
    monkeypatch.setattr(contents, "_LARGEST_UNPACKED", 5000)
    for name, write in (
        ("a.jsonl", Path.write_bytes),
        ("a.jsonl.gz", lambda path, raw: path.write_bytes(gzip.compress(raw))),
    ):
        path = tmp_path / name
        write(path, b"short\n" + b"x" * 998 + b"\n")
        assert [number for number, _ in numbered_lines(path)] == [1, 2]
        write(path, b"short\n" + b"x" * 2000)
        with pytest.raises(FormatError, match=f"{name}:2: longer than 256 MiB"):
            list(numbered_lines(path))
    write(path, bytes(4999))
    assert len(read_bytes(path)) == 4999
    write(path, bytes(6000))
    with pytest.raises(FormatError, match="more than 4 GiB when unpacked"):
        read_bytes(path)
