"""`hisee demo --serve` as an operator has it: the page in a browser, a click on Apply, the same text seen from Python."""

import pytest

import hisee

pytest.importorskip("playwright.sync_api")
from support.page import CHROMIUM, browser_page, open_picture, result_of_apply, serving_demo

pytestmark = [pytest.mark.boot, pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")]
PNG = b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    """(data directory, address of the page)"""
    data = tmp_path_factory.mktemp("plant") / "data"
    with serving_demo(data) as address:
        yield data, address


@pytest.mark.req("R51", "R46")
def test_apply_changes_what_the_operator_sees_and_what_a_program_reads(plant, tmp_path):
    data, address = plant
    with browser_page(address) as page:
        faults = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        open_picture(page, "S.PumpStation")
        result = page.locator("[id$='-LblResult']")
        assert (result.text_content() or "").strip() == "-"
        page.locator("[id$='-E01'] input").fill("70.5")
        shown = result_of_apply(page, "24 stored, sum 1732.5; 48 meters")
        assert faults == []
        assert read_back(data) == (shown, "70.5")
        shot = page.screenshot(path=tmp_path / "page.png")
    assert shot.startswith(PNG) and len(shot) < 300_000


def read_back(data):
    """(result, first field) of the one opened picture, as the Python API gives them."""
    with hisee.connect(data) as system:
        console = system.console("WS1")
        (opened,) = console.do("state").facts["opened"]
        assert opened["object"] == "S.PumpStation"
        elements = console.do("state", opened=opened["opened"]).elements
    return elements["LblResult"]["text"], elements["E01"]["text"]


def test_the_committed_screenshot_is_small_and_of_the_stated_size(root):
    data = (root / "docs/pump-station.png").read_bytes()
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    assert data.startswith(PNG) and (width, height) == (1280, 800) and len(data) < 300_000
