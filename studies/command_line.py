"""How a study is called: every one explains itself, and keeps what takes long in a folder of the user's choice."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from studies.sources import ENCODERS


def parser(
    doc: str | None, work: str = "", *, required: bool = True, encoders: bool = False
) -> argparse.ArgumentParser:
    """A parser whose help is the docstring of the study.

    Args:
        doc: The docstring.
        work: What `--work DIR` is for; without it there is no such option.
        required: Whether `--work` must be given.
        encoders: Whether encoders can be named as arguments; without any it is all of them.
    """
    spec = sys.modules["__main__"].__spec__
    options = argparse.ArgumentParser(
        prog=f"python -m {spec.name}" if spec else None,
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if work:
        options.add_argument("--work", type=Path, required=required, metavar="DIR", help=work)
    if encoders:
        options.add_argument("encoders", nargs="*", default=list(ENCODERS), help=f"any of {', '.join(ENCODERS)}")
    return options
