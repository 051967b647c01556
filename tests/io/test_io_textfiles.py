"""Opening, decoding and writing text files, and rows that know their place."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from clinometer.contents import decode_json, numbered_lines
from clinometer.errors import FormatError, UsageError
from clinometer.io.rows import Row, jsonl_rows
from clinometer.io.textfiles import find_file, require_file, require_folder, write_lines


def test_lines_keep_their_numbers_over_empty_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\r\n\n three \n\xe2\x80\xa8four")
    assert list(numbered_lines(path)) == [(1, b"one"), (3, b" three "), (4, b"\xe2\x80\xa8four")]


def test_plain_and_gzip_read_alike(tmp_path: Path) -> None:
    lines = ["eins", "zwei ü", "三"]
    for name in ("a.txt", "a.txt.gz"):
        write_lines(tmp_path / name, lines)
    assert list(numbered_lines(tmp_path / "a.txt")) == list(numbered_lines(tmp_path / "a.txt.gz"))
    assert (tmp_path / "a.txt.gz").read_bytes()[:2] == b"\x1f\x8b"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "a.txt.gz"]


def test_gzip_bytes_depend_on_the_lines_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lines(tmp_path / "a.gz", ["x"])
    monkeypatch.setattr("time.time", lambda: 1e9)
    write_lines(tmp_path / "b.gz", ["x"])
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def lines() -> Iterator[str]:
        yield "new"
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_lines(path, lines())
    assert path.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["a.txt"]


def test_writing_into_an_absent_folder_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist; create it before writing a\.txt"):
        write_lines(tmp_path / "nowhere" / "a.txt", [])


def test_broken_gzip_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(b'{"plain": "text"}\n')
    with pytest.raises(FormatError, match=r"a\.jsonl\.gz:1: broken gzip \(Not a gzipped file"):
        list(jsonl_rows(path))
    whole = gzip.compress(b"".join(b'{"n": %d}\n' % n for n in range(3)))
    path.write_bytes(whole[:-9])
    with pytest.raises(FormatError, match=r"a\.jsonl\.gz:\d: broken gzip \(Compressed file ended"):
        list(jsonl_rows(path))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"id": "a",}', "trailing comma"),
        (b'{"id": "a"', "one whole JSON object"),
        (b'["id"]', "a line should be one whole JSON object"),
        (b'{"id": "\xff"}', "not UTF-8"),
        (b'{"id": "\\ud800 and more"}', "surrogate"),
    ],
)
def test_broken_json_lines_name_the_line(tmp_path: Path, line: bytes, problem: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"id": "first"}\n\n' + line + b"\n")
    with pytest.raises(FormatError, match=problem) as caught:
        list(jsonl_rows(path))
    assert caught.value.line == 3
    assert str(caught.value).startswith(f"{path}:3: ")


def test_fields_are_there_and_of_their_type_or_an_error_names_the_place() -> None:
    row = Row({"_id": 17, "text": "t", "n": True, "none": None, "metadata": {"language": "en"}}, "c.jsonl", 5)
    assert row.field("text", str) == "t"
    assert row.optional("absent", str) is None
    assert row.optional("none", str) is None
    assert row.inside("metadata").field("language", str) == "en"
    assert row.inside("absent").fields == {}
    with pytest.raises(FormatError, match=r"c\.jsonl:5: .*_id.* is 17, but it should be a string; write \"17\""):
        row.field("_id", str)
    with pytest.raises(
        FormatError, match="the field 'title' is missing; the row has '_id', 'text', 'n', 'none', 'metadata'"
    ):
        row.field("title", str)
    with pytest.raises(FormatError, match="the field 'none' is null, but it should be a string"):
        row.field("none", str)
    with pytest.raises(FormatError, match=r"the field .n. is True, but it should be a string$"):
        row.field("n", str)
    with pytest.raises(FormatError, match="the field 'n' is True, but it should be a whole number"):
        row.field("n", int)
    with pytest.raises(FormatError, match="the field 'text' is 't', but it should be an object"):
        row.inside("text")


class _Shape(msgspec.Struct):
    names: list[str]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{\n"names": [\n"a",\n]\n}\n', "f.json:4: JSON is malformed"),
        (b'{"names":\n ["a"', "f.json:2: Input data was truncated"),
        (b'{"names": [1]}', r"f.json: Expected `str`, got `int` - at `\$.names\[0\]`; as it should be"),
        (b'{"names": ["\xff"]}', "f.json: not UTF-8"),
    ],
)
def test_broken_json_files(raw: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        decode_json(raw, _Shape, "f.json", "as it should be")


def test_paths_that_are_not_there_or_of_the_wrong_kind(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(FileNotFoundError, match="absent does not exist"):
        require_file(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match="absent does not exist"):
        require_folder(tmp_path / "absent")
    with pytest.raises(UsageError, match="is a folder, but a file is needed"):
        require_file(tmp_path)
    with pytest.raises(UsageError, match="is a file, but a folder is needed"):
        require_folder(file)
    with pytest.raises(FileNotFoundError, match=r"neither x\.jsonl nor x\.jsonl\.gz"):
        find_file(tmp_path, "x.jsonl")
    (tmp_path / "file.gz").touch()
    with pytest.raises(UsageError, match=r"both file and file\.gz; remove one"):
        find_file(tmp_path, "file")
