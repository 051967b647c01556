"""Reports of the embedded collection, made by the command line when the site is built."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mkdocs.structure.files import File, Files

_LANGUAGES = ("--languages", "en,de,zh,ar")
_COMMANDS = (
    ("evaluate", "demo", "--encoder", "offline", *_LANGUAGES, "-o", "offline"),
    ("evaluate", "demo", "--encoder", "bm25", "--ties", "expected", *_LANGUAGES, "-o", "bm25"),
    ("report", "offline", "bm25", "-o", "side-by-side.html"),
    ("correct", "demo", "--encoder", "offline", *_LANGUAGES, "--method", "center", "-o", "center.npz"),
    ("evaluate", "demo", "--encoder", "offline", *_LANGUAGES, "--correction", "center.npz", "-o", "centered"),
    ("compare", "offline", "centered", "-o", "comparison.html"),
)
_REPORTS = {
    "offline.html": "offline/report.html",
    "bm25.html": "bm25/report.html",
    "side-by-side.html": "side-by-side.html",
    "comparison.html": "comparison.html",
}


def on_files(files: Files, config: Any) -> Files:
    """Add the reports to the files of the site."""
    for name, text in reports().items():
        files.append(File.generated(config, f"gallery/{name}", content=text))
    return files


def reports() -> dict[str, str]:
    """The pages of the gallery by the name of their file."""
    with TemporaryDirectory() as folder:
        for arguments in _COMMANDS:
            command = [sys.executable, "-m", "clinometer", *arguments]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(f"{' '.join(arguments)}: {done.stderr}")
        return {name: Path(folder, path).read_text(encoding="utf-8") for name, path in _REPORTS.items()}
