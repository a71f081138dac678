"""The demo's event: two pumps take turns by their hours, on a fault and by order."""

import re

from hisee.demo import application
from support.command import hisee

SCRIPT = """
INT _i, _running
BEGIN
  OPENEVENT E.PumpChangeover DIRECT SYNC
  FOR _i = 1 TO 26 DO_LOOP
    U.PlantHours := _i
    WAIT
    DELAY 1[ms]
  END_LOOP
  U.P2_fault := @TRUE
  WAIT
  CALL [E.PumpChangeover] Change(_running) ON SELF.EVH
  LOG "running", _running
END
"""


def test_the_pumps_take_turns(tmp_path):
    script = tmp_path / "turns.esl"
    script.write_text(SCRIPT)
    done = hisee("run", str(script), "--app", str(application()), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [re.sub(r"\d+ h less", "so many h less", line) for line in done.stdout.splitlines()]
    assert lines == ["pump 2 takes over: it has run so many h less", "pump 1 takes over: fault of the other one",
                     "pump 2 takes over: by order", "running 2"]
