"""The languages of most made-up collections."""

from __future__ import annotations

LANGUAGES = ("en", "de", "zh")
