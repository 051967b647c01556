"""Files: digests, JSON bytes and sections of pages here; paths in `paths`, URLs in `remote`, writers in `whole`."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from clinometer.errors import FormatError
from clinometer.files.paths import check_folder, check_target, expanded, ordinary, refuse_foreign, regular
from clinometer.files.remote import RemotePath, is_url, location, refuse_url
from clinometer.files.whole import (
    PARTIAL,
    append_whole,
    folder_written_whole,
    lock,
    withdraw,
    written_together,
    written_whole,
)

__all__ = [
    "PARTIAL",
    "Hashing",
    "RemotePath",
    "append_whole",
    "bytes_in",
    "check_folder",
    "check_target",
    "expanded",
    "file_digest",
    "folder_written_whole",
    "is_url",
    "json_bytes",
    "location",
    "lock",
    "ordinary",
    "put_section",
    "refuse_foreign",
    "refuse_url",
    "regular",
    "withdraw",
    "written_together",
    "written_whole",
]


def bytes_in(path: Path | RemotePath) -> bytes:
    """The content of a file, local or not."""
    return path.read_bytes() if isinstance(path, RemotePath) else regular(path).read_bytes()


def file_digest(path: Path | RemotePath) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits; read in parts, so that its size does not matter."""
    if isinstance(path, RemotePath):
        return path.sha256()
    import hashlib

    with regular(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Hashing:
    """A writable file that keeps the size and SHA-256 of what was written."""

    def __init__(self, file: IO[bytes]) -> None:
        import hashlib

        self._file, self._sha, self.bytes = file, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        """Write all the bytes."""
        self._sha.update(data)
        self.bytes += len(data)
        return self._file.write(data)

    @property
    def sha256(self) -> str:
        """Digest of everything written so far, in hexadecimal digits."""
        return self._sha.hexdigest()


def json_bytes(value: Any) -> bytes:
    r"""A value as indented JSON that ends in a newline.

    Example:
        >>> json_bytes({"a": [1]})
        b'{\n "a": [\n  1\n ]\n}\n'
    """
    import msgspec

    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def put_section(page: Path, name: str, text: str) -> None:
    """Put a section into a Markdown page, in place of an earlier one of that name; the page appears whole.

    Args:
        page: The file; created if it does not exist.
        name: Name of the section, such as the collection's.
        text: Markdown.
    """
    begin, end = f"<!-- begin: clinometer {name} -->", f"<!-- end: clinometer {name} -->"
    try:
        before = regular(page).read_text(encoding="utf-8") if page.exists() else ""
    except UnicodeDecodeError:
        raise FormatError(page, None, "not UTF-8; save the page as UTF-8, or move it away") from None
    head, _, rest = before.partition(begin)
    tail = rest.partition(end)[2]
    with written_whole(page) as file:
        file.write(f"{head.rstrip()}\n\n{begin}\n{text}\n{end}{tail.rstrip()}\n".lstrip("\n").encode())
