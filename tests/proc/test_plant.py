"""Two servers, their database pair and two workstations on six computers of a laboratory; the whole of it: `./hisee campaign plant`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from campaigns import plant as campaign
from support.plant import STREAM, Load, Plant, missing

pytestmark = [pytest.mark.boot, pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]
CUT_S = 10.0


@pytest.fixture(scope="module")
def made() -> Iterator[Plant]:
    with campaign.running() as started:
        yield started


@pytest.fixture(scope="module")
def client(made: Plant) -> Load:
    return made.load()


@pytest.mark.req("R24", "R77", "R95")
def test_the_diagram(made: Plant) -> None:
    assert campaign.diagram(made) == {"see": {"SRV1": 5, "SRV2": 5}, "consoles": 10}


@pytest.mark.req("R67", "R69", "R72", "R147")
def test_a_hot_server_that_is_cut_off_acknowledges_nothing_beside_the_other(made: Plant, client: Load) -> None:
    figures = campaign.one_cut(made, client, campaign.cuts()["hot-standby+hot-witness+hot-clients"], CUT_S)
    print(figures)
    assert figures["hot"] == figures["hot_at_last"] == "other" and figures["acknowledged"]


@pytest.mark.req("R69", "R70", "R78", "R123")
def test_the_hot_computer_dies(made: Plant, client: Load) -> None:
    print(campaign.one_loss(made, client, "host"))


@pytest.mark.req("R69")
def test_what_the_clients_were_told_holds(client: Load) -> None:
    print(client.checked())


@pytest.mark.req("R168")
def test_a_black_start_ends_with_a_live_picture(made: Plant) -> None:
    figures = campaign.black_start(made, ("SRV2", "W", "SRV1"))
    print(figures, "s")
    assert figures < campaign.BLACK_START_S


@pytest.mark.req("R70", "R147")
def test_silence_promotes_nobody_and_an_operator_does(made: Plant) -> None:
    client = made.load(registers=[name for name, kept in STREAM.items() if kept][:2])
    print(campaign.promoted(made, client, campaign.await_calm(made), silence_s=8.0), client.checked())
