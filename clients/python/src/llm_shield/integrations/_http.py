"""What the middlewares of OpenAI and Anthropic do, below their clients: at the HTTP request and its answer.

There every method passes through, those of tomorrow too, and what is refused looks like a refusal of the provider,
which the clients neither retry nor wrap: 403 with a JSON body. A streamed answer is held until it is whole.

The steps are a generator, so that they are written once for both kinds of clients.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from types import ModuleType
from typing import Any

from .._enums import Direction
from .._errors import ShieldError
from .._guard import AsyncGuard, BlockedError, Guard
from ._bodies import Passage, put_all, request_passages, response_passages, stream_passages

#: What goes to a model goes there; other requests, such as lists of models and uploads of files, are not looked at.
ENDPOINTS = ("/chat/completions", "/completions", "/responses", "/embeddings", "/messages", "/messages/count_tokens")
HTTP_LIBRARIES = ("httpx2", "httpx")
# They describe a body that is written anew.
BODY_HEADERS = ("content-length", "content-encoding", "transfer-encoding")

Step = tuple[str, Any, Any]


def looked_at(method: str, path: str) -> bool:
    """Says whether a request goes to a model."""
    return method == "POST" and path.rstrip("/").endswith(ENDPOINTS)


def exchange(body: bytes) -> Generator[Step, Any, tuple[int, dict[str, str], bytes]]:
    """Goes through a request and its answer; asks for checks and for the answer, and returns what is to be answered."""
    try:
        document = json.loads(body)
        passages = request_passages(document)
        changed = yield from _check(passages, Direction.INPUT)
        status, headers, content = yield ("send", json.dumps(document).encode() if changed else body, None)
        if status >= 400:
            return status, headers, content
        if headers.get("content-type", "").startswith("text/event-stream"):
            content = yield from _stream(content)
        elif content:
            answer = json.loads(content)
            changed = yield from _check(response_passages(answer), Direction.OUTPUT)
            content = json.dumps(answer).encode() if changed else content
    except BlockedError as error:
        return refusal(403, error.reason, error, error.result.audit_record_id)
    except ShieldError as error:
        return refusal(503, "error", error, "")
    except ValueError:
        # What cannot be read cannot be looked at.
        return refusal(403, "unreadable", "a body is not JSON", "")
    return status, headers, content


def _check(passages: list[Passage], direction: Direction) -> Generator[Step, Any, bool]:
    texts = yield ("check", [passage.content for passage in passages], direction)
    return put_all(passages, texts)


def _stream(content: bytes) -> Generator[Step, Any, bytes]:
    lines = content.decode().splitlines()
    events: dict[int, Any] = {}
    for index, line in enumerate(lines):
        name, _, data = line.partition(":")
        if name == "data" and data.strip() not in ("", "[DONE]"):
            events[index] = json.loads(data)
    changed = yield from _check(stream_passages(events.values()), Direction.OUTPUT)
    if not changed:
        return content
    for index, event in events.items():
        lines[index] = f"data: {json.dumps(event)}"
    return ("\n".join(lines) + "\n\n").encode()


def refusal(status: int, reason: str, message: object, record: str) -> tuple[int, dict[str, str], bytes]:
    """Returns the answer that stands for a provider's."""
    error = {
        "type": f"llm_shield_{reason}",
        "code": f"llm_shield_{reason}",
        "message": str(message),
        "param": None,
        "audit_record_id": record,
    }
    # Both clients would try again by themselves.
    headers = {"content-type": "application/json", "x-should-retry": "false"}
    return status, headers, json.dumps({"type": "error", "error": error}).encode()


def http_library(client: Any) -> ModuleType:
    """Returns the HTTP library of an OpenAI or Anthropic client: they have changed it."""
    for base in type(client._client).__mro__:
        root = base.__module__.partition(".")[0]
        if root in HTTP_LIBRARIES:
            return sys.modules[root]
    raise TypeError(f"{type(client).__name__} has an HTTP client of an unknown library")


def shielded_transport(http: Any, guard: Guard, inner: Any) -> Any:
    """Returns a transport of `httpx` or `httpx2` for synchronous clients."""

    class ShieldTransport(http.BaseTransport):
        def handle_request(self, request: Any) -> Any:
            if not looked_at(request.method, request.url.path):
                return inner.handle_request(request)
            steps = exchange(request.read())
            try:
                kind, first, second = next(steps)
                while True:
                    if kind == "send":
                        response = inner.handle_request(_request(http, request, first))
                        response.read()
                        response.close()
                        kind, first, second = steps.send(_parts(response))
                        continue
                    try:
                        texts = guard.check(first, second)
                    except (BlockedError, ShieldError) as error:
                        kind, first, second = steps.throw(error)
                    else:
                        kind, first, second = steps.send(texts)
            except StopIteration as ended:
                return _response(http, ended.value)

        def close(self) -> None:
            inner.close()

    return ShieldTransport()


def shielded_async_transport(http: Any, guard: AsyncGuard, inner: Any) -> Any:
    """Returns a transport of `httpx` or `httpx2` for asynchronous clients."""

    class AsyncShieldTransport(http.AsyncBaseTransport):
        async def handle_async_request(self, request: Any) -> Any:
            if not looked_at(request.method, request.url.path):
                return await inner.handle_async_request(request)
            steps = exchange(await request.aread())
            try:
                kind, first, second = next(steps)
                while True:
                    if kind == "send":
                        response = await inner.handle_async_request(_request(http, request, first))
                        await response.aread()
                        await response.aclose()
                        kind, first, second = steps.send(_parts(response))
                        continue
                    try:
                        texts = await guard.check(first, second)
                    except (BlockedError, ShieldError) as error:
                        kind, first, second = steps.throw(error)
                    else:
                        kind, first, second = steps.send(texts)
            except StopIteration as ended:
                return _response(http, ended.value)

        async def aclose(self) -> None:
            await inner.aclose()

    return AsyncShieldTransport()


def shielded_client(client: Any, guard: Guard | AsyncGuard, transport: Any) -> Any:
    """Returns a copy of an OpenAI or Anthropic client that goes through the shield."""
    http = http_library(client)
    asynchronous = isinstance(client._client, http.AsyncClient)
    if asynchronous is not isinstance(guard, AsyncGuard):
        raise TypeError("an asynchronous client takes an AsyncShieldClient, a synchronous one a ShieldClient")
    if isinstance(guard, AsyncGuard):
        inner = transport or http.AsyncHTTPTransport()
        shielded = shielded_async_transport(http, guard, inner)
        wrapped = http.AsyncClient(transport=shielded, timeout=client.timeout, follow_redirects=True)
    else:
        inner = transport or http.HTTPTransport()
        shielded = shielded_transport(http, guard, inner)
        wrapped = http.Client(transport=shielded, timeout=client.timeout, follow_redirects=True)
    return client.with_options(http_client=wrapped)


def _request(http: Any, request: Any, body: bytes) -> Any:
    headers = [(name, value) for name, value in request.headers.multi_items() if name.lower() not in BODY_HEADERS]
    return http.Request(request.method, request.url, headers=headers, content=body, extensions=request.extensions)


def _parts(response: Any) -> tuple[int, dict[str, str], bytes]:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return response.status_code, headers, response.content


def _response(http: Any, parts: tuple[int, dict[str, str], bytes]) -> Any:
    status, headers, content = parts
    kept = {name: value for name, value in headers.items() if name not in BODY_HEADERS}
    return http.Response(status, headers=kept, content=content)
