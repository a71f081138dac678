"""Both parts at work: side by side, in order, direct or queued, and where the time of an action goes."""

import statistics

import pytest

from support.system import until

pytestmark = pytest.mark.boot
BUTTONS = ("BtnEcho", "BtnShared", "BtnRead", "BtnReadHere", "BtnFail", "BtnNoProc")


@pytest.fixture
def work(client):
    opened = client.console("WS1").open("S.Work")
    opened.settle(10)
    yield opened
    opened.close()


def press(picture, button, seconds=20):
    picture.click(button)
    picture.settle(seconds)


def rows(client, action, part):
    return [row for row in client.profile() if row["action"] == action and row["part"] == part]


@pytest.mark.req("R40")
def test_each_part_goes_on_while_the_other_waits(work):
    """Each marks its beginning, waits 400 ms and finds the other's mark: one after the other, the first would not."""
    press(work, "BtnAtOnce")
    until(lambda: work["LblR"].text != "-", "the remote handler ended")
    assert (work["LblL"].text, work["LblR"].text) == ("met TRUE", "met TRUE")


@pytest.mark.req("R52")
def test_a_call_into_the_own_part_passes_a_queue_of_a_hundred(work):
    """The remote part's reply comes behind its 100 CALLs, so all of them are queued when the handler calls its own part."""
    press(work, "BtnFill")
    until(lambda: work["LblSeen"].text != "?", "the variable is shown")
    assert work["LblSeen"].text == "0", "a queued CALL ran before the direct one"
    press(work, "BtnWho")
    assert work["LblL"].text == "clicks 101", "the queued CALLs all ran afterwards"


@pytest.mark.req("R48", "R134")
@pytest.mark.parametrize(("button", "label"), [("BtnOut", "LblL"), ("BtnBack", "LblR")])
def test_a_thousand_calls_arrive_in_order(work, button, label):
    press(work, button)
    until(lambda: work[label].text != "-", "the report of the other part", 30)
    assert work[label].text == "last 1000 wrong 0"


@pytest.mark.req("R134")
def test_the_pair_is_listed_with_state_counters_and_round_trip(work, client):
    before = channel_of(client, "HIS")
    press(work, "BtnOut")
    near, far = channel_of(client, "HIS"), channel_of(client, "SEE")
    assert near["id"] == far["id"] == work.opened and near["state"] == far["state"] == "open"
    assert near["sent"] - before["sent"] >= 1001 and near["received"] > before["received"]
    assert (near["sent"], near["received"]) == (far["received"], far["sent"])
    until(lambda: channel_of(client, "HIS")["rtt_ms"], "the round trip of the pair is measured")
    assert channel_of(client, "SEE")["rtt_ms"] == channel_of(client, "HIS")["rtt_ms"] > 0


def channel_of(client, kind):
    (row,) = [row for row in client.ps() if row["kind"] == kind]
    return row["channel"]


@pytest.mark.req("R41")
def test_a_console_gets_the_same_from_either_ses(client):
    pictures = [client.console(name).open("S.Split") for name in ("WS1", "WS2")]
    for picture in pictures:
        picture.settle(10)
    hosts = {row["hosted_by"] for row in client.ps() if row["kind"] == "SEE"}
    assert hosts == {"REMOTE1.SES", "REMOTE2.SES"}
    seen = [[answer(picture, button) for button in BUTTONS] for picture in pictures]
    assert seen[0] == seen[1] and "-" not in seen[0]
    for picture in pictures:
        picture.close()


def answer(picture, button):
    press(picture, button)
    return picture["LblL"].text


@pytest.mark.req("R135")
@pytest.mark.parametrize("rtt_ms", [0, 80])
def test_picture_variables_arrive_before_the_call_behind_them_and_nobody_waits(client, rtt_ms):
    """Both parts write, the callee sees its caller's writes, the caller those of the callee; only the CALL is waited for."""
    console = client.console("FAR")
    picture = console.open("S.Split")
    picture.settle(10)
    console.link(rtt_ms=rtt_ms)
    client.profile(reset=True)
    try:
        press(picture, "BtnShared")
        assert picture["LblL"].text == "callee saw 5, now 15 from L and R"
        assert {row["action"] for row in client.profile()} == {"CALL_OTHER"}
    finally:
        console.link(rtt_ms=0)
        picture.close()


@pytest.mark.req("R63")
def test_only_the_wait_of_an_action_grows_with_the_link(client):
    console = client.console("FAR")
    picture = console.open("S.Split")
    picture.settle(10)
    try:
        parts = {rtt: times(client, console, picture, rtt) for rtt in (0, 50, 200)}
    finally:
        console.link(rtt_ms=0)
        picture.close()
    for rtt in (50, 200):
        assert parts[rtt]["wait"] >= rtt
        assert parts[rtt]["prepare"] + parts[rtt]["receive"] < rtt / 4
    assert parts[200]["wait"] - parts[50]["wait"] == pytest.approx(150, rel=0.25)


def times(client, console, picture, rtt_ms):
    """Medians in ms of the three parts of a CALL over a link of that delay."""
    console.link(rtt_ms=rtt_ms)
    client.profile(reset=True)
    for _ in range(5):
        press(picture, "BtnEcho")
    calls = rows(client, "CALL_OTHER", "L")
    assert len(calls) == 5
    return {part: statistics.median(row[f"{part}_ns"] for row in calls) / 1e6 for part in ("prepare", "wait", "receive")}


@pytest.mark.req("R138")
def test_the_third_part_of_a_read_grows_with_its_rows_and_the_bound_display_follows(work, client):
    few = received_ns(client, work, "BtnRows1", "read 1")
    until(lambda: work["LblLast"].text == "name 1", "the display follows")
    many = received_ns(client, work, "BtnRows", "read 5000")
    until(lambda: work["LblLast"].text == "name 5000", "the display follows")
    assert few > 0 and 2 * few < many, f"1 row {few} ns, 5,000 rows {many} ns"


def received_ns(client, picture, button, said):
    client.profile(reset=True)
    for count in range(1, 6):
        press(picture, button)
        until(lambda count=count: len(rows(client, "DB_READ", "R")) == count, "the read is recorded")
    until(lambda: picture["LblR"].text == said, "the remote part has read")
    return statistics.median(row["receive_ns"] for row in rows(client, "DB_READ", "R"))


@pytest.mark.req("R47")
def test_a_call_on_this_computer_is_far_faster_than_one_to_another(client):
    """10,000 empty requests here, over rings, in turns with 1,000 there, over TCP and a link of 2 ms. A ratio of medians, no time."""
    near, far = client.console("WS1"), client.console("FAR")
    far.link(rtt_ms=2.0)
    try:
        turns = [(near.round_trip_ms(1000), far.round_trip_ms(100)) for _ in range(10)]
    finally:
        far.link(rtt_ms=0.0)
    local, remote = (statistics.median(column) for column in zip(*turns, strict=True))
    assert 4 * local < remote, f"{local:.3f} ms against {remote:.3f} ms"
