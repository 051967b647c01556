"""Processes as /proc shows them: what memory they hold, and which of them a driver started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

PROC = Path("/proc")


def parents() -> dict[int, int]:
    parent = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                parent[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    return parent


def below(root: int) -> list[int]:
    """A process and all that it started, directly or not."""
    parent, pids = parents(), [root]
    for pid in pids:
        pids += [child for child, other in parent.items() if other == pid]
    return pids


def title(pid: int) -> str:
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def memory(pid: int) -> dict[str, int]:
    """Bytes: anonymous memory, resident memory with mapped files, and the peak of the latter."""
    names = {"RssAnon": "anonymous", "VmRSS": "resident", "VmHWM": "most_resident"}
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return {}
    cells = (line.split() for line in lines)
    return {names[cell[0][:-1]]: int(cell[1]) * 1024 for cell in cells if cell and cell[0][:-1] in names}


class Watch:
    """Samples the memory of a process and of all that it starts; `peaks` has the greatest values by kind of process."""

    def __init__(self, root: int) -> None:
        self.root = root
        self.peaks: dict[str, dict[str, int]] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while not self._done.wait(0.1):
            for pid in below(self.root):
                kind = "driver" if pid == self.root else "worker" if title(pid).startswith("ray::_call") else "other"
                peaks = self.peaks.setdefault(kind, {})
                for name, value in memory(pid).items():
                    peaks[name] = max(peaks.get(name, 0), value)

    def stop(self) -> dict[str, dict[str, int]]:
        self._done.set()
        self._thread.join()
        return {kind: peaks for kind, peaks in self.peaks.items() if kind != "other"}


def run(command: list[str], kill_worker: Path | None = None, after: int = 0) -> dict[str, Any]:
    """Run the command line and measure it.

    Args:
        command: Arguments of `clinometer`.
        kill_worker: Folder of finished shards. A busy Ray worker is killed when `after` shards have been finished.
        after: Number of finished shards before the kill.
    """
    start, before = time.perf_counter(), os.times()
    process = subprocess.Popen([sys.executable, "-m", "clinometer", *command], stdout=subprocess.PIPE, text=True)
    watch, killed = Watch(process.pid), 0
    while kill_worker is not None and not killed and process.poll() is None:
        time.sleep(0.1)
        if len(list(kill_worker.glob("part-*"))) >= after:
            busy = [pid for pid in below(process.pid) if title(pid).startswith("ray::_call")]
            if busy:
                os.kill(busy[0], signal.SIGKILL)
                killed = 1
                print(f"killed {busy[0]}: {len(list(kill_worker.glob('part-*')))} shards were finished", flush=True)
    out, _ = process.communicate()
    now = os.times()
    if process.returncode:
        raise SystemExit(f"clinometer {' '.join(command)} ended with {process.returncode}")
    return {
        "command": " ".join(["clinometer", *command]),
        "seconds": time.perf_counter() - start,
        # Of children that were waited for; Ray's daemons are not among them.
        "processor_seconds": now.children_user + now.children_system - before.children_user - before.children_system,
        "memory": watch.stop(),
        "workers_killed": killed,
        "out": out,
    }
