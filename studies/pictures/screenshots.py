"""The pictures of docs/how-to/read-a-report.md: the demonstration's report in headless Chromium.

    python -m studies.pictures.screenshots

Needs `chromium` on the PATH and fonts for the scripts that are shown. The pictures depend on both, so they are made by
hand and no test compares them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from studies.command_line import parser
from studies.sources import DOCS

IMAGES = DOCS / "images"
MOST = 150_000


def shot(page: Path, target: Path, width: int, height: int) -> None:
    """The first `height` pixels of a page, with few enough colours for a small file."""
    # A window narrower than 500 pixels is widened by the browser; a frame is not.
    frame = page.with_name(f"frame-{target.stem}.html")
    frame.write_text(
        f'<body style="margin:0"><iframe src="{page.name}" style="border:0;width:{width}px;height:{height}px"></iframe>'
    )
    raw = page.with_suffix(".png")
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--allow-file-access-from-files",
        f"--screenshot={raw}", f"--window-size={max(width, 500)},{height}", frame.as_uri(),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    picture = Image.open(raw).convert("RGB").crop((0, 0, width, height))
    used = np.flatnonzero((np.asarray(picture) != 255).any(axis=(1, 2)))
    picture = picture.crop((0, 0, width, min(height, int(used.max()) + 20)))
    picture.quantize(200, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(target, optimize=True)
    if target.stat().st_size > MOST:
        sys.exit(f"{target.name} has {target.stat().st_size:,} bytes, more than {MOST:,}; show less of the page")


def first_case(text: str, language: str) -> str:
    """The page reduced to the first case of a language, opened."""
    head = text[: text.index("<body>")]
    start = text.index(f'<details class="drill" data-language="{language}">')
    stop = text.index("</article>", start) + len("</article>")
    part = text[start:stop].replace('<details class="drill"', '<details class="drill" open')
    return f"{head}<body><main>{part}</div></details></main></body></html>"


def main() -> None:
    parser(__doc__).parse_args()
    if shutil.which("chromium") is None:
        sys.exit("chromium is not on the PATH; install it, or leave the pictures as they are")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "clinometer", "demo", "-o", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        page = Path(folder) / "report.html"
        shot(page, IMAGES / "report.png", 1100, 790)
        cases = Path(folder) / "cases.html"
        cases.write_text(first_case(page.read_text(encoding="utf-8"), "de"), encoding="utf-8")
        shot(cases, IMAGES / "report-cases.png", 760, 900)


if __name__ == "__main__":
    main()
