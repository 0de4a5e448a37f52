"""Middleware for boto3's client of Amazon Bedrock.

    client = boto3.client("bedrock-runtime")
    shield(client, shield_client)

`Converse`, `ConverseStream`, `InvokeModel` and `InvokeModelWithResponseStream`: what goes to the model is scanned, and
redacted where the policy says so; so is what comes back. What is blocked raises `BlockedError` out of the call, or, of
a streamed answer, when it is first read: it arrives when it is whole and was let through.
"""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Iterator
from typing import Any

from .._client import ShieldClient
from .._enums import Direction
from .._guard import Guard, guard_of
from ._bodies import Passage, put_all, request_passages, response_passages, stream_passages

MODEL_CALLS = ("Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream")


def shield(client: Any, through: ShieldClient | Guard) -> Any:
    """Makes a client's calls of models go through the shield, and returns it."""
    guard = guard_of(through)

    def before(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        if "body" in params:
            body = params["body"].read() if hasattr(params["body"], "read") else params["body"]
            document = json.loads(body)
            changed = _check(guard, request_passages(document), Direction.INPUT)
            return params | {"body": json.dumps(document) if changed else body}
        # The caller's own messages stay as they are.
        params = copy.deepcopy(params)
        _check(guard, request_passages(params), Direction.INPUT)
        return params

    def after(parsed: dict[str, Any], http_response: Any, **_: Any) -> None:
        if http_response.status_code >= 400:
            return
        if "output" in parsed:
            _check(guard, response_passages(parsed), Direction.OUTPUT)
        elif "stream" in parsed:
            parsed["stream"] = _Held(guard, parsed["stream"])
        elif hasattr(parsed.get("body"), "read"):
            parsed["body"] = _checked_body(guard, parsed["body"].read())
        elif "body" in parsed:
            parsed["body"] = _Held(guard, parsed["body"])

    for name in MODEL_CALLS:
        # Before the parameters are checked and written out, and behind the reading of the answer.
        client.meta.events.register(f"provide-client-params.bedrock-runtime.{name}", before)
        client.meta.events.register(f"after-call.bedrock-runtime.{name}", after)
    return client


class _Held:
    """A stream of events that is read to its end before the first event is given."""

    def __init__(self, guard: Guard, events: Any) -> None:
        self._guard = guard
        self._events = events

    def __iter__(self) -> Iterator[Any]:
        events = list(self._events)
        # `InvokeModelWithResponseStream` has the model's own events as bytes.
        chunks = {index: json.loads(event["chunk"]["bytes"]) for index, event in enumerate(events) if "chunk" in event}
        documents = chunks.values() if chunks else events
        if _check(self._guard, stream_passages(documents), Direction.OUTPUT):
            for index, document in chunks.items():
                events[index] = {"chunk": {"bytes": json.dumps(document).encode()}}
        yield from events

    def close(self) -> None:
        """Ends the connection."""
        self._events.close()


def _checked_body(guard: Guard, body: bytes) -> Any:
    from botocore.response import StreamingBody

    document = json.loads(body)
    if _check(guard, response_passages(document), Direction.OUTPUT):
        body = json.dumps(document).encode()
    return StreamingBody(io.BytesIO(body), len(body))


def _check(guard: Guard, passages: list[Passage], direction: Direction) -> bool:
    return put_all(passages, guard.check([passage.content for passage in passages], direction))
