"""Finds the server of a pair that takes writes: all hosts of an address are asked at once, so that one that is silent costs no time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import ClassVar, Generic, Protocol, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

GRACE_S = 0.25  # for a host that is slow, once another one has refused


class Closable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


def each_host(address: str) -> list[str]:
    """An address with several hosts as one address for each of them."""
    facts = conninfo_to_dict(address)
    hosts = str(facts.get("host") or "").split(",")
    ports = str(facts.get("port") or "").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    return [make_conninfo("", **facts | {"host": host, "port": port}) for host, port in zip(hosts, ports, strict=True)]


def _hosts(address: str) -> str:
    facts = conninfo_to_dict(address)
    return f"{facts.get('host')}:{facts.get('port')}"


class Dialling(Generic[C]):
    """`connect(address)` is called in a thread for each host. A host that has not answered is not asked a second time meanwhile."""

    _newest: ClassVar[dict[str, str]] = {}  # hosts of a pair -> the one where this process found it last

    def __init__(self, address: str, connect: Callable[[str], C]) -> None:
        self._addresses, self._connect = each_host(address), connect
        self._pair, self._found = _hosts(address), ""
        self._asked: dict[str, Future[C]] = {}

    @property
    def elsewhere(self) -> bool:
        """Somebody in this process found the pair at another host since: what was dialled here may lead to one that is dead and silent."""
        return self._newest.get(self._pair, self._found) != self._found

    def dial(self) -> C:
        """The first connection that is there. Raises psycopg.Error: the last refusal, when nobody else answers soon."""
        if len(self._addresses) == 1:
            return self._connect(self._addresses[0])
        for address in self._addresses:
            if address not in self._asked:
                self._asked[address] = _asked(self._connect, address)
        return self._first()

    def _first(self) -> C:
        refusal: psycopg.Error | None = None
        deadline = float("inf")
        while self._asked and (left_s := deadline - time.monotonic()) > 0:
            done, _ = wait(self._asked.values(), None if left_s == float("inf") else left_s, FIRST_COMPLETED)
            for address in [address for address, future in self._asked.items() if future in done]:
                try:
                    connection = self._asked.pop(address).result()
                except psycopg.Error as error:
                    refusal, deadline = error, min(deadline, time.monotonic() + GRACE_S)
                else:
                    self._drop()
                    self._found = self._newest[self._pair] = _hosts(address)
                    return connection
        assert refusal is not None
        raise refusal

    def _drop(self) -> None:
        """What the others will answer is not wanted any more."""
        for future in self._asked.values():
            future.add_done_callback(_close)
        self._asked.clear()


def _asked(connect: Callable[[str], C], address: str) -> Future[C]:
    future: Future[C] = Future()

    def ask() -> None:
        try:
            future.set_result(connect(address))
        except Exception as error:
            future.set_exception(error)

    threading.Thread(target=ask, name="hisee-dial", daemon=True).start()
    return future


def _close(future: Future[C]) -> None:
    if future.exception() is None:
        future.result().close()
