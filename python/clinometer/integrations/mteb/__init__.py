"""To and from mteb: result files, mixed pools as its tasks, encoders as its models and its models as encoders."""

from __future__ import annotations

from clinometer.integrations.mteb.reading import read_mteb
from clinometer.integrations.mteb.results import to_mteb, write_mteb

__all__ = ["read_mteb", "to_mteb", "write_mteb"]
