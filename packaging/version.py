"""Whether Cargo.toml, CITATION.cff and CHANGELOG.md name one version, and that of the tag to release.

python packaging/version.py          # between releases: the changelog may say `Unreleased (0.1.0)`
python packaging/version.py v0.1.0   # for a release: `## 0.1.0 (2027-01-31)`, and the date in CITATION.cff
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["problems"]

_DATE = r"\d{4}-\d\d-\d\d"


def problems(read: Callable[[str], str], tag: str = "") -> list[str]:
    """What keeps a version from being released, one sentence each.

    Args:
        read: Gives the text of a file of the repository.
        tag: Name of the tag, or nothing between releases.
    """
    version = _first(r'^version = "(.+)"$', read("Cargo.toml"))
    cited = _first(r"^version: \"?([^\"\s]+)\"?$", read("CITATION.cff"))
    heading = _first(r"^## (.+)$", read("CHANGELOG.md"))
    sentences = []
    if cited != version:
        sentences.append(f"CITATION.cff has version {cited}, Cargo.toml {version}")
    released = re.fullmatch(rf"(\S+) \(({_DATE})\)", heading)
    if not tag:
        if heading != f"Unreleased ({version})" and (released is None or released[1] != version):
            sentences.append(f"the first heading of CHANGELOG.md is {heading!r}, not 'Unreleased ({version})'")
        return sentences
    if tag != f"v{version}":
        sentences.append(f"the tag is {tag}, and Cargo.toml has version {version}")
    if released is None or released[1] != version:
        sentences.append(f"the first heading of CHANGELOG.md is {heading!r}, not '{version} (YEAR-MONTH-DAY)'")
    elif _first(rf"^date-released: \"?({_DATE})\"?$", read("CITATION.cff")) != released[2]:
        sentences.append(f"CITATION.cff lacks the line `date-released: {released[2]}`")
    return sentences


def _first(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    return match[1] if match else ""


if __name__ == "__main__":
    root = Path(__file__).resolve().parents[1]
    complaints = problems(lambda name: (root / name).read_text(encoding="utf-8"), *sys.argv[1:2])
    sys.exit("\n".join(complaints) if complaints else 0)
