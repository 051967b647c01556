"""A page of HTML as tests look at it: tables, words, addresses, and whether every tag is closed in order."""

from __future__ import annotations

from html.parser import HTMLParser

__all__ = ["HtmlPage"]

_VOID = {"meta", "br", "hr", "img", "link", "input"}


class HtmlPage(HTMLParser):
    """The page.

    Args:
        text: Its source.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[str]]] = []
        """Rows of texts of each table; what is small print in a cell follows after a space."""
        self.words: list[str] = []
        """Texts outside of scripts and styles."""
        self.links: list[str] = []
        self.ids: list[str] = []
        self.labels: list[str] = []
        """Labels of the figures."""
        self.tags: list[str] = []
        self.open: list[str] = []
        """Tags that are not closed."""
        self.wrong: list[str] = []
        """Tags that close another one."""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value for key, value in attrs if key == "id" and value]
        self.links += [value for key, value in attrs if key in ("href", "src", "xlink:href") and value]
        value_of = dict(attrs)
        if tag == "svg" and "role" in value_of:
            self.labels.append(value_of.get("aria-label") or "")
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["script"], ["style"]):
            self.words.append(data)
        if self.tables and ({"td", "th"} & set(self.open[-2:])):
            self.tables[-1][-1][-1] += data if self.open[-1] != "small" else f" {data}"
