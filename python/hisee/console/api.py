"""The JSON API beside the operator's page: /api/ps, roles, queues, routes, lanes, tasks. Read only; the session of the page opens it.

The answers are those of the commands with `--json`; 403 without a session, 503 while the server or the engine does not answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hisee import shown
from hisee.channel import RequestFailed
from hisee.channel.payloads import Payload, Table, TaskQuery, unpack
from hisee.errors import HiseeError
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind

Ask = Callable[[Kind, Payload, int, int], Awaitable[bytes]]  # kind, payload, target, lane; raises RequestFailed
KNL, ANYBODY = 1, 0
MOST_TASKS = 1000


class BadQuery(HiseeError):
    """A parameter of the address that does not fit."""


class Api:
    """Routes of the API. `known(request)` says whether the request has the page's session."""

    def __init__(self, ask: Ask, known: Callable[[Request], bool]) -> None:
        self._ask, self._known = ask, known

    def routes(self) -> list[Route]:
        answers = {"ps": self._ps, "roles": self._roles, "queues": self._queues, "routes": self._routes, "lanes": self._lanes,
                   "tasks": self._tasks}
        return [Route(f"/api/{name}", self._guarded(answer), methods=["GET"]) for name, answer in answers.items()]

    def _guarded(self, answer: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if not self._known(request):
                return _json({"error": "open the address of the console first: it gives this client its session"}, 403)
            try:
                return _json(await answer(request))
            except BadQuery as error:
                return _json({"error": str(error)}, 400)
            except RequestFailed as failed:
                return _json({"error": str(failed)}, 503)
            except shown.EngineSilent as error:
                return _json({"error": str(error)}, 503)

        return endpoint

    async def _rows(self, kind: Kind, payload: Payload | None = None, target: int = KNL, lane: int = Lane.CONTROL) -> shown.Rows:
        return unpack(Table, await self._ask(kind, payload or Payload(), target, lane)).rows

    async def _ps(self, request: Request) -> Any:
        return await self._rows(Kind.PS_GET)

    async def _roles(self, request: Request) -> Any:
        return shown.roles(await self._rows(Kind.TERMS_GET))

    async def _queues(self, request: Request) -> Any:
        return shown.queues(await self._rows(Kind.QUEUES_GET))

    async def _routes(self, request: Request) -> Any:
        return await self._rows(Kind.ROUTES_GET)

    async def _lanes(self, request: Request) -> Any:
        return shown.messages()

    async def _tasks(self, request: Request) -> Any:
        """?state=&queue=&func=&limit=&before=, newest first."""
        query = request.query_params
        wanted = TaskQuery(state=query.get("state", ""), queue=query.get("queue", ""), func=query.get("func", ""),
                           limit=_number(query.get("limit"), "limit", 100), before=_number(query.get("before"), "before", 0))
        wanted.limit = min(wanted.limit, MOST_TASKS)
        return await self._rows(Kind.TASK_LIST, wanted, ANYBODY, Lane.DIALOG)


def _number(text: str | None, name: str, default: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadQuery(f"{name}={text!r} is no number")
    return int(text)


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
