"""What does not happen: a system that nobody asks for anything begins nothing by itself. It waits by nature, so it runs beside the rest."""

import time

import pytest

pytestmark = pytest.mark.boot
IDLE_S = 30


@pytest.mark.req("R17")
@pytest.mark.slow
def test_an_idle_system_and_a_local_picture_start_no_see_in_half_a_minute(client, system):
    local = client.console("WS1").open("S.Local")
    end = time.monotonic() + IDLE_S
    while time.monotonic() < end:
        assert not [row for row in client.ps() if row["kind"] == "SEE"]
        time.sleep(0.25)
    local.close()
    assert "chosen" not in system.log("SRV1.KNL.log"), "the server asked an SES for a remote part"
