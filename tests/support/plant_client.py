"""The load of a plant, as a program on a computer of its own: `python -m support.plant_client DATA DOORS FILE PAUSE_S REGISTER...`, until
SIGTERM. What was asked and answered is in FILE, one operation a line as it ends."""

from __future__ import annotations

import signal
import sys
import threading
from functools import partial
from pathlib import Path

import hisee
from support.history import Recorder
from support.plant_load import Load


def main(words: list[str]) -> int:
    data, doors, file, pause_s, *registers = words
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    recorder = Recorder(Path(file))
    with Load([partial(hisee.connect, data, group=doors, within_s=1.0)], registers, recorder, pause_s=float(pause_s)):
        stop.wait()
    recorder.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
