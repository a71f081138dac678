"""HTTP requests of scripts, to listed hosts only. Each one runs in a thread that may wait; its whole time and size are limited."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit

from hisee.script.functions.registry import COMMUNICATION, CONVERSION, NO_DATA, function

if TYPE_CHECKING:
    from hisee.script.functions.calls import Functions

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
DEFAULT_S = 30.0
PORTS = {"http": 80, "https": 443}
REDIRECTS = (301, 302, 303, 307, 308)


class NoAnswer(Exception):
    """The request was not made, or not answered within its limits."""


@dataclass
class Request:
    """What a handle stands for: a request, and after %HTTP_Send its answer."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    auth: tuple[str, str] | None = None
    seconds: float = DEFAULT_S
    status: int = 0
    answer: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    error: str = ""


def allowed(url: str, hosts: tuple[str, ...]) -> str:
    """Why this address may not be asked; "" = it may. A listed "name" stands for its usual ports, "name:port" for that port alone."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        return "the address cannot be read"
    if parts.scheme not in PORTS:
        return "only http and https are spoken"
    if parts.username is not None or parts.password is not None:
        return "user and password belong into %HTTP_SetAuth"
    name = (parts.hostname or "").lower()
    listed = {entry.lower() for entry in hosts}
    if f"{name}:{port}" in listed or port == PORTS[parts.scheme] and name in listed:
        return ""
    return f"{name or 'no host'}:{port} is not listed under `hosts` in app.toml, section [scripts]"


@lru_cache(maxsize=1)
def trust() -> ssl.SSLContext:
    """Certificates that the computer trusts; reading them takes a while."""
    return ssl.create_default_context()


def perform(own: Functions, request: Request) -> None:
    """Fill in the answer, or `error`."""
    request.status, request.answer, request.text, request.error = 0, {}, None, ""
    seconds = min(request.seconds, own.site.limit("http_s"))
    try:
        asyncio.run(asyncio.wait_for(_exchange(own, request), seconds))
    except TimeoutError:
        request.error = f"no answer within {seconds:g} s"
    except NoAnswer as error:
        request.error = str(error)
    except Exception as error:  # the library's own errors, and what a damaged answer makes of them: a script must not end by them
        request.error = f"{type(error).__name__}: {error}"[:500]


async def _exchange(own: Functions, request: Request) -> None:
    import httpx

    method, url, body = request.method, request.url, request.body
    async with httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=own.site.limit("http_s"), verify=trust()) as client:
        for _ in range(own.site.limit("http_redirects") + 1):
            refusal = allowed(url, own.site.rules.hosts)
            if refusal:
                raise NoAnswer(refusal)
            async with client.stream(method, url, headers=request.headers, content=body, auth=request.auth) as answer:
                if answer.status_code not in REDIRECTS or "location" not in answer.headers:
                    await _take(own, request, answer)
                    return
                target = urljoin(url, answer.headers["location"])
                if answer.status_code == 303 or answer.status_code in (301, 302) and method == "POST":
                    method, body = "GET", b""
                if urlsplit(target).netloc != urlsplit(url).netloc:  # secrets stay with the host they were given for
                    request = _without_secrets(request)
                url = target
    raise NoAnswer(f"more than http_redirects = {own.site.limit('http_redirects')} redirects")


def _without_secrets(request: Request) -> Request:
    request.auth = None
    request.headers = {k: v for k, v in request.headers.items() if k.lower() not in ("authorization", "cookie")}
    return request


async def _take(own: Functions, request: Request, answer: Any) -> None:
    most, data = own.site.limit("http_bytes"), b""
    async for piece in answer.aiter_bytes(65536):
        data += piece
        if len(data) > most:
            raise NoAnswer(f"the answer is longer than http_bytes = {most}")
    request.status = answer.status_code
    request.answer = {k.lower(): v for k, v in answer.headers.items()}
    try:
        request.text = data.decode(answer.charset_encoding or "utf-8", "replace")
    except LookupError:
        request.text = data.decode("utf-8", "replace")


@function("%HTTP_New")
def http_new(own: Functions, method: str, url: str) -> int:
    return own.handles.open(Request(method.upper(), url))


@function("%HTTP_SetHeader")
def http_set_header(own: Functions, handle: int, name: str, value: str) -> None:
    own.handles.get(handle, Request).headers[name] = value


@function("%HTTP_SetBody")
def http_set_body(own: Functions, handle: int, body: str, kind: str) -> None:
    request = own.handles.get(handle, Request)
    request.body = body.encode()
    request.headers["Content-Type"] = kind


@function("%HTTP_SetAuth")
def http_set_auth(own: Functions, handle: int, user: str, password: str) -> None:
    own.handles.get(handle, Request).auth = (user, password)


@function("%HTTP_SetTimeout")
def http_set_timeout(own: Functions, handle: int, seconds: float) -> None:
    own.handles.get(handle, Request).seconds = max(seconds, 0.001)


@function("%HTTP_Send")
def http_send(own: Functions, handle: int) -> int:
    request = own.handles.get(handle, Request)
    if request.method not in METHODS:
        request.error = f"method {request.method[:20]} is not one of {', '.join(METHODS)}"
        return 0
    perform(own, request)
    return request.status


@function("%HTTP_Body")
def http_body(own: Functions, handle: int) -> Any:
    text = own.handles.get(handle, Request).text
    return NO_DATA if text is None else text


@function("%HTTP_Header")
def http_header(own: Functions, handle: int, name: str) -> Any:
    return own.handles.get(handle, Request).answer.get(name.lower(), NO_DATA)


@function("%HTTP_Error")
def http_error(own: Functions, handle: int) -> str:
    return own.handles.get(handle, Request).error


@function("%HTTP_Free")
def http_free(own: Functions, handle: int) -> None:
    own.handles.close(handle, Request)


@function("%HTTP_Get")
def http_get(own: Functions, url: str, seconds: float) -> Any:
    request = Request("GET", url, seconds=max(float(seconds), 0.001))
    perform(own, request)
    return request.text if 200 <= request.status < 300 else COMMUNICATION


@function("%HTTP_Post")
def http_post(own: Functions, url: str, body: str, kind: str) -> int:
    request = Request("POST", url, {"Content-Type": kind}, body.encode())
    perform(own, request)
    return request.status


@function("%UrlEncode")
def url_encode(own: Functions, text: str) -> str:
    return quote(text, safe="-._~")


@function("%UrlDecode")
def url_decode(own: Functions, text: str) -> Any:
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return CONVERSION
