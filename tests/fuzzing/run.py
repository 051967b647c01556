"""Coverage-guided fuzzing of every reader, in turn: `make fuzz MINUTES=10`.

Each family of readers runs in a process of its own, from a corpus that is kept. A finding is kept as a folder that
`test_fuzzing_readers.py` repeats once it is copied to `cases`; the run goes on, and fails at its end.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
KEPT = HERE.parents[1] / "fuzzing"
MEMORY = 4096
"""Megabytes that a reader may need."""
SLOWEST = 20
"""Seconds that a reader may need for one small input."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="time for all families together")
    parser.add_argument("--families", nargs="*", help="names of families; all by default")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(HERE.parent))
    if options.one:
        fuzz(options.one, options.seconds)
    from support.reader_families import FAMILIES

    names = options.families or list(FAMILIES)
    seconds = max(5, int(options.minutes * 60 / len(names)))
    executions = failures = 0
    for name in names:
        command = [sys.executable, __file__, "--one", name, "--seconds", str(seconds)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        runs = re.search(r"number_of_executed_units: (\d+)", done.stderr)
        executions += int(runs[1]) if runs else 0
        findings = sorted((KEPT / "findings" / name).glob("*/"))
        stopped = "" if runs else f", stopped with code {done.returncode}: {done.stderr[-500:]}"
        failures += len(findings) + bool(stopped)
        sys.stdout.write(
            f"{name}: {runs[1] if runs else '?'} executions in {seconds} s, {len(findings)} findings{stopped}\n"
        )
        for finding in findings:
            sys.stdout.write(f"  {finding}: {finding.with_suffix('.txt').read_text()[-300:]}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{executions:,} executions of {len(names)} families, {failures} findings\n")
    return bool(failures)


def fuzz(name: str, seconds: int) -> None:
    """Fuzz one family; does not return."""
    import atheris

    began = time.monotonic()
    with atheris.instrument_imports(include=["clinometer"]):
        from support.families import problem_of
        from support.mutations import damaged
        from support.reader_families import FAMILIES

        FAMILIES[name].write(good := Path(tempfile.mkdtemp(prefix="fuzz-good-")))
    family = FAMILIES[name]
    files = sorted(path.relative_to(good) for path in good.rglob("*") if path.is_file())
    remove_mended(family, name)
    corpus = KEPT / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(files):
        (corpus / f"good-{number}").write_bytes(bytes([number]) + (good / file).read_bytes())
    seen: set[str] = set()
    scratch = Path(tempfile.mkdtemp(prefix="fuzz-"))

    def one(data: bytes) -> None:
        if not data:
            return
        folder = scratch / "input"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(good, folder)
        (folder / files[data[0] % len(files)]).write_bytes(data[1:])
        try:
            problem = problem_of(family, folder)
            place = problem[:40]
        except Exception as error:  # whatever it is, it is a finding
            frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/clinometer/" in frame.filename]
            place = f"{type(error).__name__} {frames[-1].filename}:{frames[-1].lineno}" if frames else repr(error)
            problem = "".join(traceback.format_exception(error))
        if problem and place not in seen:
            seen.add(place)
            keep(name, folder, place, problem)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        random_source = random.Random(seed)
        if random_source.random() < 0.3:
            return bytes(atheris.Mutate(data, most))
        first = data[:1] if random_source.random() < 0.9 else bytes([random_source.randrange(len(files))])
        return (first + damaged(data[1:], random_source))[:most]

    left = max(3, round(seconds - (time.monotonic() - began)))
    limits = [f"-max_total_time={left}", f"-timeout={SLOWEST}", f"-rss_limit_mb={MEMORY}", "-max_len=200000"]
    output = ["-verbosity=0", "-print_final_stats=1", f"-artifact_prefix={KEPT}/{name}-"]
    arguments = [sys.argv[0], *limits, *output, str(corpus)]
    atheris.Setup(arguments, one, custom_mutator=mutate)
    atheris.Fuzz()


def remove_mended(family: Any, name: str) -> None:
    """Remove findings of earlier runs that are none any more."""
    from support.families import problem_of

    for finding in (KEPT / "findings" / name).glob("*/"):
        copy = Path(tempfile.mkdtemp(prefix="fuzz-")) / "input"
        shutil.copytree(finding, copy)
        with suppress(Exception):  # still one
            if not problem_of(family, copy):
                shutil.rmtree(finding)
                finding.with_suffix(".txt").unlink()


def keep(name: str, folder: Path, place: str, problem: str) -> None:
    """Keep an input with what went wrong."""
    target = KEPT / "findings" / name / hashlib.sha256(place.encode()).hexdigest()[:12]
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    target.with_suffix(".txt").write_text(problem, errors="replace")


if __name__ == "__main__":
    sys.exit(main())
