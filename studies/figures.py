"""What the figures of the docs share: colours, plain axes, and an SVG without dates and with a label."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

SOFT, GRID = "#5b6875", "#d9dfe5"


def plain(axes: Any) -> None:
    """A soft grid behind the marks, and neither ticks nor frame."""
    axes.tick_params(length=0, labelcolor=SOFT, labelsize=9)
    axes.grid(color=GRID, lw=0.7)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def svg(figure: Any, label: str) -> str:
    """The figure as one `<svg>` element, which screen readers read as the label; call it within `plain_matplotlib`."""
    sink = StringIO()
    figure.savefig(sink, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    body = sink.getvalue()
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body[body.index("<svg") :], flags=re.DOTALL)
    return body.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
