"""To and from mteb: its result files (`results`, `reading`), and, with the package, its tasks and models.

Mixed pools are tasks in `tasks`; encoders are models of mteb, and the reverse, in `models`.
"""

from __future__ import annotations

from clinometer.integrations.mteb.reading import read_mteb
from clinometer.integrations.mteb.results import to_mteb, write_mteb

__all__ = ["read_mteb", "to_mteb", "write_mteb"]
