"""Every small language of options as a reader of short texts, with good ones for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import clinometer as cm
from support.families import Family, use_each


def text_family(texts: list[str], read: Callable[[str], Any]) -> Family:
    """A reader of short texts; the good ones are lines of one file, each of which is read."""

    def write(folder: Path) -> None:
        (folder / "text").write_text("\n".join(texts), encoding="utf-8")

    def read_text(folder: Path) -> None:
        use_each((folder / "text").read_text(encoding="utf-8", errors="surrogateescape").split("\n"), read)

    return Family(write, read_text, text=True)


def read_option(text: str) -> None:
    """Options that are small languages of their own."""
    from clinometer.cli.encoder_options import Server
    from clinometer.cli.option_groups import Source, split_names

    name, _, value = text.partition(" ")
    if name == "http":
        Server(http=[value])
    elif name == "reader":
        Source(reader=[value])
    else:
        split_names(value)


def read_source(text: str) -> None:
    if text.partition(":")[0] not in ("hub", "irds", "demo"):  # the first two ask the network
        cm.load(text)


def read_condition(text: str) -> None:
    from clinometer.comparison.conditions import read_conditions

    for kind in ("max", "max-drop"):
        read_conditions(kind, [text])


def read_budget(text: str) -> None:
    from clinometer.scanning.arguments import bytes_of

    bytes_of(text)


def read_address(text: str) -> None:
    from clinometer.encoders.endpoint import checked_address

    checked_address(text)


def read_pool(text: str) -> None:
    from clinometer.pools.grammar import parse

    parse([text])


def read_language(text: str) -> None:
    from clinometer.languages import canonical, long_label, near

    long_label(canonical(text))
    near(text, ["en", "de", "zh-Hant"])


TEXTS = {
    "measures": text_family(
        ["MaxR", "nDCG@10", "LanguageGap(MaxRnorm)", "Intrusion(by=own)", "Judged@5", "Complete@10", "RBP(p=0.8)"],
        lambda text: cm.measures.parse([text]),
    ),
    "conditions": text_family(["MaxR=3", "Complete@10[multi,de,en+de]=95", "nDCG@10[multi]=0.5"], read_condition),
    "pools": text_family(["duplicates(share=0.1)", "draw(en=10,de=5,seed=3)", "switched(share=0.5)"], read_pool),
    "languages": text_family(["en", "zh-Hant-TW", "ceb_Latn", "iw", "lang1", "eng_Latn", "x-mine"], read_language),
    "budget": text_family(["4GB", "512MB", "1.5 k", "10"], read_budget),
    "address": text_family(["http://localhost:8000/v1", "https://[::1]:80/a", "http://a:b@c/d?e#f"], read_address),
    "sources": text_family(["beir:~/x", "xquad:/a b", "parallel:a,b.jsonl.gz", "demo"], read_source),
    "options": text_family(
        ["http concurrency=4", 'http query-fields={"a": 1}', "reader a-b=true", "names a,b"], read_option
    ),
}  # fmt: skip
