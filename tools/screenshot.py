"""Makes docs/pump-station.png: serves the demo plant, presses Apply in headless Chromium and takes a picture of the page.

    python tools/screenshot.py [FILE]

Needs Debian's chromium and the packages of the extra `dev`.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "tests")]

from support.page import browser_page, open_picture, result_of_apply, serving_demo  # noqa: E402

PRESSES = 3  # the first one prepares the statements: its time is not the usual one


def main(argv: list[str]) -> int:
    target = Path(argv[0]) if argv else ROOT / "docs/pump-station.png"
    with tempfile.TemporaryDirectory(prefix="hisee-shot-") as data, serving_demo(Path(data)) as address, browser_page(address) as page:
        open_picture(page, "S.PumpStation")
        for press in range(PRESSES):
            page.locator("[id$='-E01'] input").fill(f"{68 - press}.5")
            print(result_of_apply(page, f"sum {1730.5 - press:.1f}"))
        page.locator("#chip-R .figure", has_text=re.compile(r"^[5-9]")).wait_for()  # the newest round trip to the remote part
        page.screenshot(path=target)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
