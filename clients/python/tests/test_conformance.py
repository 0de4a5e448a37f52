"""The shared cases of `clients/conformance`, through both clients against the real server."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from conftest import PATIENT
from harness import CONFORMANCE, Harness

from llm_shield import (
    Action,
    AsyncShieldClient,
    Content,
    Deadlines,
    Direction,
    Finding,
    RedactResult,
    Released,
    Role,
    ScanResult,
    ShieldClient,
    ShieldError,
    StreamMode,
    TlsCredentials,
    slice_text,
)

SUITE = json.loads((CONFORMANCE / "cases.json").read_text(encoding="utf-8"))
LIMIT_SECONDS = 60
STREAMS = ("audit", "verify_audit", "scan_stream", "redact_stream")


class Sync:
    """The synchronous client, as the cases call it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._client = ShieldClient(*arguments, **options)

    def call(self, rpc: str, *arguments: Any, **options: Any) -> Any:
        answer = getattr(self._client, rpc)(*arguments, **options)
        return list(answer) if rpc in STREAMS else answer

    def close(self) -> None:
        self._client.close()


class Async:
    """The asynchronous client, as the cases call it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = AsyncShieldClient(*arguments, **options)

    def call(self, rpc: str, *arguments: Any, **options: Any) -> Any:
        async def all_of(answers: Any) -> list[Any]:
            return [answer async for answer in answers]

        answer = getattr(self._client, rpc)(*arguments, **options)
        return self._loop.run_until_complete(all_of(answer) if rpc in STREAMS else answer)

    def close(self) -> None:
        self._loop.run_until_complete(self._client.close())
        self._loop.close()


class Streamed:
    """What a stream of text brought: the decision, with the findings and the text as they came piece by piece."""

    def __init__(self, answers: list[Any]) -> None:
        *pieces, last = answers
        released = [piece.bytes for piece in pieces if isinstance(piece, Released)]
        deltas = [piece for piece in pieces if isinstance(piece, str)]
        self.released = released[-1] if released else 0
        self.early = len(released or deltas) > 1
        self.texts = ["".join(deltas)]
        if isinstance(last, RedactResult):
            last = replace(last, contents=(replace(last.contents[0], text=self.texts[0]),))
        else:
            assert isinstance(last, ScanResult)
            last = replace(last, findings=tuple(piece for piece in pieces if isinstance(piece, Finding)))
        self._summary = last

    def __getattr__(self, name: str) -> Any:
        return getattr(self._summary, name)


@pytest.fixture(scope="module", params=[Sync, Async], ids=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> type[Sync] | type[Async]:
    return request.param


@pytest.fixture(scope="module")
def server(kind: object) -> Any:
    """One for each client: some cases ask for tenants that nobody has used."""
    harness = Harness()
    yield harness
    harness.close()


@pytest.mark.parametrize("case", SUITE["cases"], ids=[case["name"] for case in SUITE["cases"]])
def test_case(case: dict[str, Any], kind: type[Sync] | type[Async], server: Harness) -> None:
    attempts = case.get("case_attempts", 1)
    for attempt in range(1, attempts + 1):
        try:
            run(with_values(case, {"attempt": str(attempt)}), kind, server)
            return
        except AssertionError:
            if attempt == attempts:
                raise


def run(case: dict[str, Any], kind: type[Sync] | type[Async], server: Harness) -> None:
    files = server.clients[case["identity"]]
    if case.get("tls") == "directory":
        credentials = TlsCredentials.from_directory(files["dir"])
    else:
        credentials = TlsCredentials.from_files(files["ca"], files["cert"], files["key"])
    deadlines = Deadlines() if case.get("default_deadlines") else PATIENT
    on_unavailable = case.get("on_unavailable", "block")
    client = kind(server.address, credentials, on_unavailable=on_unavailable, deadlines=deadlines)
    saved: dict[str, str] = {}
    try:
        for step in case["steps"]:
            step = with_values(step, saved)
            if "harness" in step:
                server.send(**step["harness"])
            elif "reload" in step:
                client.call("reload")
            else:
                for _ in range(step.get("times", 1)):
                    one_call(step, client, server, saved)
    finally:
        client.close()


def one_call(step: dict[str, Any], client: Sync | Async, server: Harness, saved: dict[str, str]) -> None:
    rpc_names = {"scan": "Scan", "redact": "Redact"}
    end = time.monotonic() + LIMIT_SECONDS
    while True:
        before = server.requests(rpc_names[step["call"]["rpc"]]) if "attempts" in step else 0
        answer, texts = make(step["call"], client)
        try:
            expect(step["expect"], answer, texts)
            break
        except AssertionError:
            if not step.get("eventually") or time.monotonic() > end:
                raise
            time.sleep(0.1)
    if "attempts" in step:
        assert server.requests(rpc_names[step["call"]["rpc"]]) - before == step["attempts"]
    for name, what in step.get("save", {}).items():
        saved[name] = {
            "audit_record_id": lambda: answer.audit_record_id,
            "text": lambda: answer.texts[0],
            "page_token": lambda: answer[-1].next_page_token,
        }[what]()


def make(call: dict[str, Any], client: Sync | Async) -> tuple[Any, list[str]]:
    """Makes a call; returns the answer or the error, and the texts that were sent."""
    options = {name: value for name, value in call.items() if name not in ("rpc", "contents", "filter", "timeout_ms")}
    options |= call.get("filter", {})
    if "timeout_ms" in call:
        options["timeout"] = call["timeout_ms"] / 1000
    if "direction" in options:
        options["direction"] = Direction[options["direction"]]
    if "actions" in options:
        options["actions"] = [Action[name] for name in options["actions"]]
    contents = [
        Content(one["text"], role=Role[one.get("role", "USER")], id=one.get("id", ""))
        for one in call.get("contents", [])
    ]
    arguments: list[Any] = [contents] if "contents" in call else []
    texts = [one.text for one in contents]
    if "text" in call:
        texts = [options.pop("text")]
        size = options.pop("piece_bytes", 1000)
        data = texts[0].encode()
        arguments = [[data[start : start + size] for start in range(0, len(data), size)]]
        options |= options.pop("config", {})
        for name, kind in (("role", Role), ("direction", Direction), ("mode", StreamMode)):
            if name in options:
                options[name] = kind[options[name]]
    try:
        answer = client.call(call["rpc"], *arguments, **options)
        return Streamed(answer) if "text" in call else answer, texts
    except ShieldError as error:
        return error, []


def expect(wanted: dict[str, Any], answer: Any, texts: list[str]) -> None:
    """Checks an answer, or the error that stands for it."""
    if "error" in wanted:
        expect_error(wanted["error"], getattr(answer, "error", answer))
    elif isinstance(answer, ShieldError):
        raise AssertionError(f"failed: {answer}") from answer
    looks = {
        "action": lambda: answer.action.name,
        "verdict": lambda: answer.verdict.name,
        "policy": lambda: answer.policy.name,
        "recorded": lambda: answer.audit_record_id != "",
        "unavailable": lambda: answer.unavailable,
        "texts": lambda: answer.texts,
        "released": lambda: answer.released,
        "early": lambda: answer.early,
        "restored": lambda: answer.restored_count,
        "record_count": lambda: len(answer),
        "intact": lambda: answer[-1].done and answer[-1].intact,
        "principal": lambda: answer.principal,
        "tenant": lambda: answer.tenant,
        "roles": lambda: list(answer.roles),
    }
    for name, value in wanted.items():
        if name in looks:
            assert looks[name]() == value, name
    for finding in wanted.get("findings", []):
        assert any(matches(finding, found, texts) for found in answer.findings), finding
    if "redactions" in wanted:
        expect_redactions(wanted["redactions"], answer, texts)
    if "records" in wanted:
        assert [record.id for record in answer] == [one["id"] for one in wanted["records"]]
        for one, record in zip(wanted["records"], answer, strict=True):
            assert one.get("rpc", record.rpc) == record.rpc
            assert one.get("action", record.action.name) == record.action.name
            assert one.get("labels", record.labels) == record.labels


def matches(wanted: dict[str, Any], found: Any, texts: list[str]) -> bool:
    if found.content_id != str(wanted["content"]) or found.entity != wanted["entity"]:
        return False
    units = [getattr(found.span, name) for name in found.span.__slots__]
    index = wanted["content"] if isinstance(wanted["content"], int) else -1
    return units == wanted["span"] and slice_text(texts[index], found.span) == wanted["slice"]


def expect_redactions(wanted: list[dict[str, Any]], answer: Any, texts: list[str]) -> None:
    found = [
        {
            "content": index,
            "entity": redaction.entity,
            "slice": slice_text(texts[index], redaction.original),
            "replacement": slice_text(content.text, redaction.redacted),
        }
        for index, content in enumerate(answer.contents)
        for redaction in content.redactions
    ]
    assert found == wanted


def expect_error(wanted: dict[str, Any], error: Any) -> None:
    assert isinstance(error, ShieldError), f"no error: {error}"
    assert error.code.name == wanted["code"], error
    if "reason" in wanted:
        assert (error.reason, error.domain) == (wanted["reason"], "llm-shield")
    assert dict(error.metadata) | wanted.get("metadata", {}) == dict(error.metadata)
    if "fields" in wanted:
        assert [violation.field for violation in error.field_violations] == wanted["fields"]
    if "resource" in wanted:
        assert error.resource == wanted["resource"]
    if wanted.get("retry_delay"):
        assert error.retry_delay
        assert error.retry_delay > 0
    if "quota_subject" in wanted:
        assert error.quota_subjects == (wanted["quota_subject"],)


def with_values(value: Any, saved: dict[str, str]) -> Any:
    """Puts saved values in for their names, and writes repeated texts out."""
    if isinstance(value, dict):
        if value.keys() == {"repeat", "times"}:
            return value["repeat"] * value["times"]
        return {name: with_values(one, saved) for name, one in value.items()}
    if isinstance(value, list):
        return [with_values(one, saved) for one in value]
    if isinstance(value, str) and "$" in value:
        for name, text in saved.items():
            value = value.replace(f"${name}", text)
    return value
