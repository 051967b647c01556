"""Text files, plain or gzip by suffix: located, read with line numbers, and written completely or not at all.

A broken file is a `FormatError` with file and line. No reader sees half a file, because it is written under a temporary
name first and then renamed.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TypeVar

import msgspec

from clinometer.errors import CollectionError, FormatError, UsageError
from clinometer.files import regular, written_whole
from clinometer.languages import canonical, select

__all__ = [
    "BYTE_ORDER_MARK",
    "decode_json",
    "find_file",
    "language_files",
    "numbered_lines",
    "read_bytes",
    "require_file",
    "require_folder",
    "utf8_problem",
    "write_lines",
]

T = TypeVar("T")

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BROKEN_GZIP = (gzip.BadGzipFile, EOFError, zlib.error)


def require_file(path: str | Path) -> Path:
    """The path of an existing file; a folder is refused."""
    path = Path(path)
    if path.is_dir():
        raise UsageError(f"{path} is a folder, but a file is needed")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; check the path")
    return regular(path)


def require_folder(path: str | Path) -> Path:
    """The path of an existing folder; a file is refused."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; check the path of the folder")
    if not path.is_dir():
        raise UsageError(f"{path} is a file, but a folder is needed")
    return path


def find_file(folder: Path, name: str) -> Path:
    """`name` or `name.gz` in the folder, whichever exists; one of them must, and not both."""
    paths = [path for path in (folder / name, folder / f"{name}.gz") if path.is_file()]
    if not paths:
        raise FileNotFoundError(f"{folder} has neither {name} nor {name}.gz; check the path")
    if len(paths) > 1:
        raise UsageError(f"{folder} has both {name} and {name}.gz; remove one of them")
    return paths[0]


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each line that is not empty with its number from 1, without the line end; gzip if the name ends in `.gz`.

    A byte-order mark before the first line, which some editors write, is not part of it.

    Raises:
        FormatError: The gzip data are broken; the line is the first that could not be read.
    """
    number = 0
    regular(path)
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        try:
            for number, line in enumerate(lines, start=1):
                if number == 1:
                    line = line.removeprefix(BYTE_ORDER_MARK)
                if stripped := line.rstrip(b"\r\n"):
                    yield number, stripped
        except _BROKEN_GZIP as error:
            raise FormatError(path, number + 1, f"broken gzip ({error}); download or write the file again") from error


def read_bytes(path: Path) -> bytes:
    """The whole file, unpacked if its name ends in `.gz`."""
    regular(path)
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except _BROKEN_GZIP as error:
        raise FormatError(path, None, f"broken gzip ({error}); download or write the file again") from error


def decode_json(raw: bytes, kind: type[T], path: str | Path, expected: str) -> T:
    """A JSON file decoded to a type.

    Args:
        raw: Bytes of the file.
        kind: Type to decode to.
        path: File, for the message.
        expected: Description of a valid file, for the message.

    Raises:
        FormatError: It is not UTF-8, not JSON (the line is named), nested too deeply, or not of that type (the position
            is named).
    """
    body = raw.removeprefix(BYTE_ORDER_MARK)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise FormatError(path, None, f"{error}; {expected}") from error
    except RecursionError as error:
        raise FormatError(path, None, f"nested too deeply; {expected}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if problem := utf8_problem(body):
            raise FormatError(path, None, problem) from error
        byte = re.search(r"\(byte (\d+)\)", str(error))
        line = body.count(b"\n", 0, int(byte[1]) if byte else len(body)) + 1
        raise FormatError(path, line, f"{error}; {expected}") from error


def utf8_problem(raw: bytes) -> str | None:
    """A sentence for bytes that are not UTF-8, else None; decoders of JSON differ in how they say it."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8 ({error.reason}); save the file as UTF-8"
    return None


def write_lines(path: str | Path, lines: Iterable[str]) -> None:
    """Write the lines as UTF-8, gzip if the name ends in `.gz`; completely or not at all.

    The same lines give the same bytes: a gzip file carries no time and no name.

    Raises:
        FileNotFoundError: The folder does not exist.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} does not exist; create it before writing {path.name}")
    with written_whole(path) as raw:
        packed = gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) if path.suffix == ".gz" else None
        with packed or nullcontext(raw) as file:
            file.writelines(f"{line}\n".encode() for line in lines)


def language_files(
    folder: str | Path, pattern: str, expected: str, languages: Iterable[str] | None = None
) -> dict[str, Path]:
    """The files of a folder by language, sorted by name.

    Args:
        folder: Folder of the files.
        pattern: Regular expression for a whole file name; its first group is the language label.
        expected: Such names, for the message.
        languages: Labels of the languages to keep, None for all.

    Raises:
        FileNotFoundError: The folder does not exist, or has no such file.
        CollectionError: Two files have the same language.
        LanguageError: A requested language has no file.
    """
    folder = require_folder(folder)
    path_of_language: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(pattern, path.name)
        if match is None:
            continue
        label = canonical(match[1])
        if label in path_of_language:
            raise CollectionError(
                f"{folder}: {path_of_language[label].name} and {path.name} are both {label}; remove one of them"
            )
        path_of_language[label] = path
    if not path_of_language:
        raise FileNotFoundError(f"{folder} has no file named {expected}; check the path of the folder")
    labels = set(select(languages, list(path_of_language), str(folder)))
    return {label: path for label, path in path_of_language.items() if label in labels}
