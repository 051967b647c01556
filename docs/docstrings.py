"""Docstrings are written for Python's `help` first; this makes their few habits fit for a web page."""

from __future__ import annotations

import re
from typing import Any

import griffe

_GRID = re.compile(r"(?m)((?:^[ ]*[+|][-=+| ].*[+|]\n?)+)")
_COLONS = re.compile(r"(?m)^([ ]*)::\n\n")
_SESSION = re.compile(r"(?m)^Example:(?=\n[ ]+>>>)")


class Readable(griffe.Extension):
    """Grid tables and sessions become blocks of code; lone double colons go, since what follows them is indented."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite a docstring before it is parsed."""
        if obj.docstring is None:
            return
        text = _COLONS.sub("", obj.docstring.value)
        text = _SESSION.sub("Examples:", text)
        obj.docstring.value = _GRID.sub(_fenced, text)


def _fenced(table: re.Match[str]) -> str:
    lines = table[1].rstrip("\n").split("\n")
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    return "\n".join([f"{indent}```text", *lines, f"{indent}```"]) + "\n"
