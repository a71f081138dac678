"""Becomes a Java work process as `hisee jwp` does, with a number of its own choice instead of the engine's.

usage: launch.py DATA JAR NUMBER PORT SERVICES TIMERS(JSON)
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

from hisee.datadir import DataDir
from hisee.engine.coordinator import Member
from hisee.engine.proof import birth
from hisee.work import jwp
from hisee.work.joining import bound


def main(data_path: str, jar: str, number: str, port: str, services: str, timers: str) -> None:
    jwp.JAR = Path(jar)
    data = DataDir(data_path)
    member = Member(number=int(number), kind="JWP", name=f"JWP{int(number):03d}", node="N", host=socket.gethostname(), pid=os.getpid(),
                    birth=birth(os.getpid()), incarnation=int(number), port=int(port))
    facts = jwp.settings(member, data, threads=2)
    facts["timers"] |= json.loads(timers)
    words = jwp.command_line(jwp.find_java(), member.name, jwp.class_path(Path(services)), data.log_dir, 32)
    jwp.become(words, facts, bound(int(port)) if int(port) else None, None)


if __name__ == "__main__":
    main(*sys.argv[1:])
