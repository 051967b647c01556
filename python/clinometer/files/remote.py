"""Files of object storage (`s3://`, `gs://`, `memory://` ...), read by ranges through fsspec.

Nothing that the library of a storage says is shown, since it may repeat a key: messages have error codes only.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from clinometer.errors import (
    ClinometerError,
    FormatError,
    MissingExtraError,
    MissingFileError,
    UsageError,
    optional_package,
)
from clinometer.files.paths import ordinary

__all__ = ["RemotePath", "is_url", "location", "refuse_url"]

T = TypeVar("T")

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)
_CODE = re.compile(r"[A-Z][A-Za-z.]{2,40}|[1-5][0-9]{2}")
_LOCAL = ("file", "local")
_ATTEMPTS, _PAUSE = 4, 0.2
# Requests of this size run side by side, a block of them at a time.
_RANGE, _BLOCK = 8 << 20, 64 << 20
_NO_RIGHTS = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "TokenRetrievalError",
    "RefreshError",
    "NoAuthTokenError",
)
_NO_RIGHTS_STATUS = (401, 403)


class RemotePath:
    """A file or folder of object storage, with the parts of `pathlib.Path` that reading a store needs.

    Args:
        url: Its URL, `PROTOCOL://...`, without keys.
        options: Options of its file system in fsspec, such as `endpoint_url`; they are not shown, but go with the path
            to other processes. By default, the environment and fsspec's configuration decide.

    Raises:
        UsageError: The URL has a user, a key or a query, or fsspec does not know its protocol.
        MissingExtraError: fsspec, or the package of the protocol, is not installed.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        self.url, self._options = url.rstrip("/"), dict(options or {})
        protocol, _, rest = url.partition("://")
        if "@" in rest.partition("/")[0] or "?" in rest:
            raise UsageError(
                f"the {protocol}:// URL has a user, a key or a query, which results would show; set credentials in the "
                "environment or in the configuration of the storage, and give the URL without them"
            )
        _ = self._system

    @cached_property
    def _system(self) -> Any:
        """The file system in fsspec, which keeps one for equal options."""
        protocol = self.url.partition("://")[0]
        extra = "s3" if protocol in ("s3", "s3a") else "fsspec"
        fsspec = optional_package("fsspec", f"a path with {protocol}://", extra)
        try:
            return fsspec.filesystem(protocol, **self._options)
        except ImportError:
            if extra == "s3":
                raise MissingExtraError("a path with s3://", extra) from None
            known = import_module("fsspec.registry").known_implementations.get(protocol, {})
            hint = known.get("err", "install the package of this storage").rstrip(".")
            raise UsageError(f"a path with {protocol}:// needs a further package: {hint}") from None
        except Exception as error:
            if protocol not in fsspec.available_protocols():
                raise UsageError(
                    f"unknown storage {protocol}://; give a folder, or a URL of a storage that fsspec knows, such as "
                    "s3://, gs:// or abfs://"
                ) from None
            raise UsageError(
                f"a path with {protocol}:// cannot be opened ({_reason(error)}); check the options of the storage"
            ) from None

    @property
    def _key(self) -> str:
        """The path as the file system writes it."""
        return str(self._system._strip_protocol(self.url))

    def __reduce__(self) -> tuple[type[RemotePath], tuple[str, dict[str, Any]]]:
        return type(self), (self.url, self._options)

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(f"{self.url}/{name}", self._options)

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return f"RemotePath({self.url!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePath) and (self.url, self._options) == (other.url, other._options)

    def __hash__(self) -> int:
        return hash(self.url)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.url.rpartition("/")[2]

    def is_file(self) -> bool:
        """Whether it is a file; errors other than its absence are those of `size`."""
        return self._is("file")

    def is_dir(self) -> bool:
        """Whether there are files below it; errors other than its absence are those of `size`."""
        return self._is("directory")

    def _is(self, kind: str) -> bool:
        try:
            return bool(self._attempted(self._info)["type"] == kind)
        except FileNotFoundError:
            return False

    def size(self) -> int:
        """Bytes of the file now.

        Raises:
            MissingFileError: It does not exist.
            ClinometerError: It cannot be read.
        """
        return self._known_size(self._attempted(self._info))

    def listing(self) -> dict[str, int]:
        """Name and size of each file of a folder now; errors are those of `size`."""

        def listed() -> list[dict[str, Any]]:
            self._system.invalidate_cache()
            return list(self._system.ls(self._key, detail=True))

        return {
            entry["name"].rstrip("/").rpartition("/")[2]: self._known_size(entry)
            for entry in self._attempted(listed)
            if entry["type"] == "file"
        }

    def heads(self, sizes: Mapping[str, int], most: int) -> dict[str, bytes]:
        """The first bytes of files of a folder, by name.

        Args:
            sizes: Their sizes.
            most: Maximum number of bytes of each.
        """
        names = list(sizes)
        spans = [(f"{self._key}/{name}", 0, min(most, sizes[name])) for name in names]
        return dict(zip(names, self._pieces(spans), strict=True))

    def read_bytes(self) -> bytes:
        """The whole file; errors are those of `size` and `read_into`."""
        content = bytearray(self.size())
        self.read_into(memoryview(content), 0)
        return bytes(content)

    def read_into(self, target: memoryview, start: int) -> None:
        """Fill a buffer with the bytes from a position on.

        Raises:
            FormatError: The file ends before, or the connection was cut again and again.
            ClinometerError: It cannot be read.
        """
        at = 0
        while at < len(target):
            ends = range(at, min(at + _BLOCK, len(target)), _RANGE)
            spans = [(self._key, start + end, start + min(end + _RANGE, len(target))) for end in ends]
            for part in self._pieces(spans):
                target[at : at + len(part)] = part
                at += len(part)

    def ranges(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """The bytes of some ranges `(start, stop)`, asked for together; errors are those of `read_into`."""
        return self._pieces([(self._key, *span) for span in spans])

    def sha256(self) -> str:
        """The SHA-256 of the file, in hexadecimal digits, read in blocks; errors are those of `read_into`."""
        import hashlib

        sha, size = hashlib.sha256(), self.size()
        block = memoryview(bytearray(min(_BLOCK, size)))
        for start in range(0, size, _BLOCK):
            part = block[: size - start]
            self.read_into(part, start)
            sha.update(part)
        return sha.hexdigest()

    def _info(self) -> dict[str, Any]:
        self._system.invalidate_cache()
        return dict(self._system.info(self._key))

    def _known_size(self, entry: Mapping[str, Any]) -> int:
        if entry.get("size") is None:
            raise ClinometerError(f"{self.url}: its server does not tell the sizes of files; copy the store here")
        return int(entry["size"])

    def _pieces(self, spans: Sequence[tuple[str, int, int]]) -> list[bytes]:
        """The bytes of ranges `(path, start, stop)`; only those that failed are asked for again."""
        pieces: dict[int, bytes] = {number: b"" for number, (_, start, stop) in enumerate(spans) if start == stop}

        def missing() -> None:
            numbers = [number for number in range(len(spans)) if number not in pieces]
            paths, starts, stops = (list(column) for column in zip(*(spans[number] for number in numbers), strict=True))
            answers = self._system.cat_ranges(paths, starts, stops, on_error="return")
            problem: BaseException | None = None
            for number, answer in zip(numbers, answers, strict=True):
                if isinstance(answer, BaseException):
                    problem = answer
                elif len(answer) != spans[number][2] - spans[number][1]:
                    problem = problem or _EndsBefore(spans[number][2])
                else:
                    pieces[number] = bytes(answer)
            if problem is not None:
                raise problem

        if len(pieces) < len(spans):
            self._attempted(missing)
        return [pieces[number] for number in range(len(spans))]

    def _attempted(self, operation: Callable[[], T]) -> T:
        """The result of an operation, which is tried a few times; its error becomes a sentence."""
        for attempt in range(_ATTEMPTS):
            try:
                return operation()
            except ClinometerError:
                raise
            except Exception as error:
                if attempt == _ATTEMPTS - 1 or _is_final(error):
                    self._refuse(error)
            time.sleep(_PAUSE * 2**attempt)
        raise AssertionError

    def _refuse(self, error: Exception) -> NoReturn:
        reason = _reason(error)
        if isinstance(error, _EndsBefore):
            raise FormatError(
                self.url,
                None,
                f"ends before byte {error.stop:,}: truncated or changed meanwhile; copy it again",
            ) from None
        if isinstance(error, FileNotFoundError):
            raise MissingFileError(f"{self.url} does not exist ({reason}); check the bucket and the path") from None
        if _has_no_rights(error):
            raise ClinometerError(
                f"{self.url}: no rights to read it ({reason}); set credentials that may list and read it in the "
                "environment or in the configuration of the storage"
            ) from None
        raise ClinometerError(
            f"{self.url} could not be read in {_ATTEMPTS} attempts ({reason}); check the connection and run "
            "the same again"
        ) from None


class _EndsBefore(Exception):  # noqa: N818 - never raised to a caller
    """A range came back shorter than it is."""

    def __init__(self, stop: int) -> None:
        super().__init__()
        self.stop = stop


def is_url(path: object) -> bool:
    """Whether a path is a URL.

    Example:
        >>> is_url("s3://bucket/store"), is_url("store"), is_url("beir:store")
        (True, False, False)
    """
    return isinstance(path, str) and _URL.fullmatch(path) is not None


def location(path: str | os.PathLike[str] | RemotePath, options: Mapping[str, Any] | None = None) -> Path | RemotePath:
    """The path of a local file or folder to read, or the remote one of a URL; `file://` and `local://` are local.

    Args:
        path: Path or URL.
        options: Options of the file system in fsspec.

    Raises:
        UsageError: As for `RemotePath`; options without a URL; or a URL that was made a `pathlib.Path`.
        FormatError: It is a pipe or a device.

    Example:
        >>> location("file:///tmp/store")
        PosixPath('/tmp/store')
    """
    if isinstance(path, RemotePath):
        return path
    match = _URL.fullmatch(path) if isinstance(path, str) else None
    if match and match[1] not in _LOCAL:
        return RemotePath(path, options)  # type: ignore[arg-type]
    if options:
        raise UsageError("storage_options are for URLs of object storage, such as s3://bucket/store; leave them out")
    if isinstance(path, Path):
        refuse_url(path, "pass a URL as text, not as a pathlib.Path")
    return ordinary(match[2] if match else path)


def refuse_url(path: Path, fix: str) -> None:
    """Refuse a URL in the place of a local path: `pathlib` drops one of its slashes.

    Raises:
        UsageError: The message ends with the fix.

    Example:
        >>> refuse_url(Path("s3://bucket/store"), "give a folder")
        Traceback (most recent call last):
        clinometer.errors.UsageError: s3://bucket/store is not a local path; give a folder
    """
    protocol, colon, rest = str(path).partition(":/")
    if colon and not rest.startswith("/") and _URL.fullmatch(f"{protocol}://{rest}") and not path.exists():
        shown = rest.rpartition("@")[2].partition("?")[0]  # without a key
        raise UsageError(f"{protocol}://{shown} is not a local path; {fix}")


def _is_final(error: BaseException) -> bool:
    """Whether another attempt cannot change the answer."""
    return isinstance(error, (FileNotFoundError, IsADirectoryError, NotADirectoryError)) or _has_no_rights(error)


def _has_no_rights(error: BaseException) -> bool:
    if isinstance(error, PermissionError) or type(error).__name__ in _NO_RIGHTS:
        return True
    return getattr(error, "status", getattr(error, "code", None)) in _NO_RIGHTS_STATUS


def _reason(error: BaseException) -> str:
    """The storage's code for an error, which cannot hold a key, or the kind of the error."""
    cause: BaseException | None = error
    while cause is not None:
        response = getattr(cause, "response", None)
        described = response.get("Error", {}) if isinstance(response, dict) else {}
        for code in (described.get("Code"), getattr(cause, "status", None)):
            if isinstance(code, (str, int)) and _CODE.fullmatch(str(code)):
                return str(code)
        cause = cause.__cause__ or cause.__context__
    number = error.errno if isinstance(error, OSError) else None
    if number is not None and number in errno.errorcode:
        return os.strerror(number)
    if isinstance(error, PermissionError):
        return "permission denied"
    return "not found" if isinstance(error, FileNotFoundError) else type(error).__name__
