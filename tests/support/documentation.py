"""Blocks of code in pages of Markdown: what each is, and whether it can run where the tests run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("python", "bash", "text", "json", "tsv", "yaml")
_MARK = re.compile(r"# not run by the tests: (\S.*)")
_NEEDS = re.compile(r"<!-- needs: (\w+) -->")
_TITLE = re.compile(r'title="([^"]+)"')
_INSTALLS = re.compile(r"(?:pip install|make|cd|\.|docker build|git clone|rustup) ")


@dataclass(frozen=True)
class Block:
    """One block of a page; `line` is that of its first line of code, from 1."""

    page: str
    line: int
    heading: str
    language: str
    code: str
    title: str | None = None
    needs: str | None = None
    follows_code: bool = False

    @property
    def reason(self) -> str | None:
        """Why the block is marked as not run by the tests; None if it is not marked."""
        match = _MARK.fullmatch(self.code.partition("\n")[0])
        return match[1] if match else None

    @property
    def kind(self) -> str:
        """`marked`, `file`, `output`, `shown`, `installs`, `run`, or `run with` what it needs."""
        if self.reason is not None:
            return "marked"
        if self.title is not None:
            return "file"
        if self.language == "text":
            return "output" if self.follows_code else "shown"
        if self.language not in ("python", "bash"):
            return "shown"
        if self.language == "bash" and all(installs(line) for line in shell_lines(self.code)):
            return "installs"
        return "run" if self.needs is None else f"run with {self.needs}"

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, a path from the root of the repository."""
    return parsed(page, (ROOT / page).read_text(encoding="utf-8"))


def parsed(page: str, text: str) -> list[Block]:
    """The fenced blocks of a text; one in another form, or without a known language, fails."""
    return list(_blocks(page, text))


def _blocks(page: str, text: str) -> Iterator[Block]:
    needs, previous, heading, in_heading = None, None, "", False
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "html_block" and (match := _NEEDS.fullmatch(token.content.strip())):
            needs = match[1]
        elif token.type in ("fence", "code_block"):
            assert token.map is not None
            line = token.map[0] + 1
            assert token.type == "fence", f"{page}:{line}: indented code; put it between fences with its language"
            language, _, attributes = token.info.partition(" ")
            assert language in LANGUAGES, f"{page}:{line}: a block of {language or 'no language'}, not of {LANGUAGES}"
            title = _TITLE.search(attributes)
            follows = previous is not None and previous.language in ("python", "bash") and previous.reason is None
            previous = Block(page, line + 1, heading, language, token.content, title and title[1], needs, follows)
            yield previous
            needs = None
        elif token.type == "heading_open":
            in_heading = True
        elif token.type == "inline":
            heading, in_heading, previous = (token.content if in_heading else heading), False, None


def installs(line: str) -> bool:
    """Whether a command sets up an environment, which is checked without running it."""
    return _INSTALLS.match(line) is not None


def shell_lines(code: str) -> list[str]:
    """The commands of a block for the shell, one each, without lines that are comments only."""
    joined = re.sub(r"\\\n\s*", " ", code)
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
