"""How a study is called: every one explains itself, and keeps what takes long in a folder of the user's choice."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def parser(doc: str | None, work: str = "", *, required: bool = True) -> argparse.ArgumentParser:
    """A parser whose help is the docstring of the study.

    Args:
        doc: The docstring.
        work: What `--work DIR` is for; without it there is no such option.
        required: Whether `--work` must be given.
    """
    spec = sys.modules["__main__"].__spec__
    options = argparse.ArgumentParser(
        prog=f"python -m {spec.name}" if spec else None,
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if work:
        options.add_argument("--work", type=Path, required=required, metavar="DIR", help=work)
    return options
