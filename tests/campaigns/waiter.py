"""Another program: asks the server again and again how it is, and prints for each line of its input the longest wait since the one before.

Started with the data directory; ends with its input.
"""

from __future__ import annotations

import select
import sys
import time

import hisee

PERIOD_S = 0.01


def main(data: str) -> int:
    with hisee.connect(data) as system:
        longest = 0.0
        print("ready", flush=True)
        while True:
            asked = bool(select.select([sys.stdin], [], [], PERIOD_S)[0])
            if asked and not sys.stdin.readline():
                return 0
            began = time.perf_counter()
            system.roles()
            longest = max(longest, time.perf_counter() - began)
            if asked:
                print(longest, flush=True)
                longest = 0.0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
