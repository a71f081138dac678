"""A third process: sends messages of many megabytes and checks what comes back, until its input is closed.

They go to the server and to the receiver of the numbers in turn, so that its link, too, is full of them when it is stopped.
Started with the data directory and the megabytes; prints how many went there and back.
"""

from __future__ import annotations

import os
import select
import sys

import hisee
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind


def main(data: str, megabytes: int) -> int:
    payload = os.urandom(1 << 20) * megabytes
    count = 0
    with hisee.connect(data) as system:
        targets = [row["number"] for row in system.ps() if row["kind"] in ("KNL", "SES") and row["state"] == "Run"]
        print("ready", flush=True)
        while not select.select([sys.stdin], [], [], 0)[0]:
            if system.ask(Kind.ECHO, payload, target=targets[count % len(targets)], lane=Lane.BULK) != payload:
                print("a message came back changed", flush=True)
                return 1
            count += 1
    print(count, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], int(sys.argv[2])))
