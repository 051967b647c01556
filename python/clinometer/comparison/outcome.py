"""The outcome of a check or a comparison as continuous integration shows it: cases that hold or fail, and JUnit's XML.

JUnit's XML has no standard; this is the part that GitHub's reporters, GitLab and Jenkins agree on. Same outcome, same
bytes: it has no times, hosts or dates. Everything that comes from a result is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from clinometer.errors import printable

__all__ = ["Case", "Outcome", "code", "marker", "named"]

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even as a reference."""


@dataclass(frozen=True)
class Case:
    """One thing that holds or fails.

    Args:
        group: What it is about, such as `Intrusion.one-sided`; a reporter shows the cases of a group together.
        name: What must hold.
        failures: Sentences about where it does not; empty if it holds.
        text: What was measured where it holds.
    """

    group: str
    name: str
    failures: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Outcome:
    """All cases of a run.

    Args:
        title: What was done with which results, such as `clinometer check of e5 on xquad`.
        cases: The cases.
        facts: Further sentences about the results.
    """

    title: str
    cases: tuple[Case, ...]
    facts: tuple[str, ...] = ()

    def to_junit(self) -> str:
        """The outcome as JUnit's XML: one suite, one test case for each case.

        Example:
            >>> print(Outcome("check of e5", (Case("RR.multi", "--min RR=0.5", ("de: 0.4",)),)).to_junit())
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="check of e5" tests="1" failures="1" errors="0" time="0">
              <testsuite name="check of e5" tests="1" failures="1" errors="0" skipped="0" time="0">
                <testcase classname="clinometer.RR.multi" name="--min RR=0.5" time="0">
                  <failure message="de: 0.4" type="clinometer">de: 0.4</failure>
                </testcase>
              </testsuite>
            </testsuites>
        """
        counts = {"tests": len(self.cases), "failures": sum(1 for case in self.cases if case.failures), "errors": 0}
        suites = _element(None, "testsuites", name=self.title, **counts, time=0)
        suite = _element(suites, "testsuite", name=self.title, **counts, skipped=0, time=0)
        for case in self.cases:
            element = _element(suite, "testcase", classname=f"clinometer.{case.group}", name=case.name, time=0)
            if case.failures:
                more = f" (and {len(case.failures) - 1} more)" if len(case.failures) > 1 else ""
                failure = _element(element, "failure", message=case.failures[0] + more, type="clinometer")
                failure.text = _clean("\n".join(case.failures))
            elif case.text:
                _element(element, "system-out").text = _clean(case.text)
        if self.facts:
            _element(suite, "system-out").text = _clean("\n".join(self.facts))
        indent(suites)
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode") + "\n"


def _element(parent: Element | None, tag: str, **attributes: Any) -> Element:
    texts = {name: _clean(str(value), lines=False) for name, value in attributes.items()}
    return Element(tag, texts) if parent is None else SubElement(parent, tag, texts)


def _clean(text: str, *, lines: bool = True) -> str:
    r"""Text without control characters, and without what XML cannot hold.

    Example:
        >>> _clean("a\x00b\ufffe<c>")
        'a\\u0000b�<c>'
    """
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", printable(text, lines=lines))


def code(text: str, *, cell: bool = False) -> str:
    r"""Text as code in Markdown, which nothing in it can end; neither a mention nor a link comes of it.

    Args:
        text: Text from a result.
        cell: Whether it is in a table, where a pipe must be escaped.

    Example:
        >>> code("@team|`x`", cell=True), code("")
        ('`` @team\\|`x` ``', '` `')
    """
    line = printable(" ".join(text.split())) or " "
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    space = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{fence}{space}{line.replace('|', chr(92) + '|') if cell else line}{space}{fence}"


def marker(title: str) -> str:
    """A title as a comment of Markdown, by which a program finds the outcome among other comments.

    Example:
        >>> marker("check of a --> b")
        '<!-- check of a --&gt; b -->'
    """
    return f"<!-- {escape(printable(title))} -->"


def named(names: Sequence[str], most: int = 3) -> str:
    """Names with commas; of many, the first and how many follow.

    Example:
        >>> named(["a", "b"]), named(list("abcdef"))
        ('a, b', 'a, b, c and 3 more')
    """
    rest = len(names) - most
    return ", ".join(names) if rest <= 0 else f"{', '.join(names[:most])} and {rest} more"
