"""The demo plant served, and its page in Debian's Chromium: what a person sees, driven as a person does."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium")
QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
         "--disable-default-apps", "--disable-domain-reliability", "--disable-features=OptimizationHints,MediaRouter,Translate",
         "--no-pings", "--metrics-recording-only", "--disable-breakpad", "--disable-gpu", "--disable-dev-shm-usage"]
SIZE = {"width": 1280, "height": 800}
ADDRESS = "operator's page: "
END_S = 30


@contextmanager
def serving_demo(data: Path, rtt_ms: float = 5) -> Iterator[str]:
    """`hisee demo --serve` as a child: gives the address of the operator's page, ends the plant in order afterwards."""
    command = [sys.executable, "-m", "hisee", "demo", "--serve", "--rtt", str(rtt_ms), "--data", str(data)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield _address(child)
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGINT)
        child.communicate(timeout=END_S)
    assert child.returncode == 0, "the plant did not end in order"


def _address(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith(ADDRESS):
            return line.removeprefix(ADDRESS).strip()
    raise AssertionError(f"the plant ended with {child.wait()} before it had a page")


@contextmanager
def browser_page(address: str) -> Iterator[Page]:
    """The page of an address, without a window."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport=SIZE)
        page.goto(address)
        yield page
        browser.close()


def open_picture(page: Page, name: str) -> None:
    """Choose it in the list on the left; back when its tab is the one that shows."""
    page.locator("#list .entry", has_text=name).first.click()
    expect(page.locator("#tabs [aria-selected=true]")).to_contain_text(name)


def result_of_apply(page: Page, wanted: str) -> str:
    """Press Apply of the picture that shows, wait until the result holds `wanted`; the whole result."""
    page.locator("[id$='-BtnApply']").click()
    result = page.locator("[id$='-LblResult']")
    expect(result).to_contain_text(wanted)
    return (result.text_content() or "").strip()
