"""What a call is, whether it is made synchronously or not: the request, its deadline, and what becomes of the
answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypedDict, TypeVar

from ._answers import (
    AuditProof,
    AuditRecord,
    AuditVerification,
    Content,
    Finding,
    RedactedContent,
    Redaction,
    RedactResult,
    Released,
    RestoreResult,
    ScanResult,
    ServerInfo,
)
from ._enums import Action, Direction, Role, StreamMode
from ._errors import ShieldError
from ._trace import call_metadata
from .v1 import audit_pb2, shield_pb2, types_pb2

OnUnavailable = Literal["allow", "block"]
Contents = str | Content | Iterable[str | Content]

SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds that each method may take, with its retries."""

    scan: float = 0.25
    redact: float = 0.5
    audit: float = 5.0
    other: float = 5.0


class CallOptions(TypedDict, total=False):
    """What every call takes."""

    timeout: float
    """Seconds for this call with its retries, instead of the client's."""
    request_id: str
    """Names the request in answers and logs; the server makes one otherwise."""
    trace_context: Mapping[str, str]
    """`traceparent` and `tracestate`; without, those of OpenTelemetry's current span, where there is one."""


class DecisionOptions(CallOptions, total=False):
    """What Scan and Redact take."""

    direction: Direction
    """Which side of the model; input by default."""
    policy: str
    """The policy to decide by; the tenant's default otherwise."""
    labels: Mapping[str, str]
    """Kept in the audit record."""
    idempotency_key: str
    """Makes a retry recognisable in the audit records."""


class RedactOptions(DecisionOptions, total=False):
    """What Redact takes."""

    conversation: str
    """The conversation within which the same value gets the same numbered placeholder."""


class RestoreOptions(CallOptions, total=False):
    """What Restore takes."""

    purpose: str
    """Why the values are needed, kept in the audit record."""
    conversation: str
    """The conversation whose placeholders are to be undone."""
    policy: str
    """The policy that the contents were redacted by, which says the operators of `places`."""
    places: Iterable[tuple[int, Redaction]]
    """Replacements that cannot be told from values: the index of the content, and the redaction as it was answered."""


class AuditOptions(CallOptions, total=False):
    """What Audit takes; what is not given does not narrow."""

    start: datetime
    end: datetime
    actions: Sequence[Action]
    principal: str
    record_id: str
    limit: int
    page_token: str
    newest_first: bool


class RangeOptions(CallOptions, total=False):
    """What VerifyAudit takes."""

    start: datetime
    end: datetime


class ProofOptions(CallOptions, total=False):
    """What GetAuditProof takes: a record, or an earlier size of the tree."""

    record_id: str
    from_tree_size: int
    tree_size: int


class StreamOptions(CallOptions, total=False):
    """What ScanStream and RedactStream take."""

    role: Role
    direction: Direction
    policy: str
    labels: Mapping[str, str]
    mode: StreamMode
    """What is let out before the end; SLIDING unless given."""
    holdback_bytes: int
    """How much is held back at the end of what has arrived; the server's least unless given."""


Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """One call."""

    rpc: str
    request: Any
    timeout: float | None
    metadata: tuple[tuple[str, str], ...]
    answer: Callable[[Any], Answer]
    fallback: Callable[[ShieldError], Answer] | None = None
    """What the answer is when the service gives none."""


class Calls:
    """Makes calls of what the caller gives."""

    def __init__(self, on_unavailable: OnUnavailable, deadlines: Deadlines) -> None:
        if on_unavailable not in ("allow", "block"):
            raise ValueError(f'on_unavailable must be "allow" or "block", not {on_unavailable!r}')
        self._action = Action.ALLOW if on_unavailable == "allow" else Action.BLOCK
        self._deadlines = deadlines

    def scan(self, contents: Contents, options: DecisionOptions) -> Call[ScanResult]:
        request = shield_pb2.ScanRequest(contents=messages(contents), **_decision_fields(options))

        def away(error: ShieldError) -> ScanResult:
            return ScanResult(action=self._action, degraded=True, unavailable=True, error=error)

        return self._call("Scan", request, self._deadlines.scan, options, ScanResult._of, away)

    def redact(self, contents: Contents, options: RedactOptions) -> Call[RedactResult]:
        given = messages(contents)
        conversation = options.get("conversation", "")
        request = shield_pb2.RedactRequest(contents=given, conversation=conversation, **_decision_fields(options))

        def away(error: ShieldError) -> RedactResult:
            texts: tuple[RedactedContent, ...] = ()
            if self._action is Action.ALLOW:
                texts = tuple(RedactedContent(one.id or str(index), one.text) for index, one in enumerate(given))
            return RedactResult(action=self._action, degraded=True, unavailable=True, error=error, contents=texts)

        return self._call("Redact", request, self._deadlines.redact, options, RedactResult._of, away)

    def restore(self, contents: Contents, options: RestoreOptions) -> Call[RestoreResult]:
        places = [
            shield_pb2.RestorePlace(content_index=index, entity=redaction.entity, span=_span(redaction))
            for index, redaction in options.get("places", ())
        ]
        request = shield_pb2.RestoreRequest(
            contents=messages(contents),
            purpose=options.get("purpose", ""),
            conversation=options.get("conversation", ""),
            policy=options.get("policy", ""),
            places=places,
        )
        return self._call("Restore", request, self._deadlines.other, options, RestoreResult._of)

    def audit(self, options: AuditOptions) -> Call[AuditRecord]:
        narrow = audit_pb2.AuditFilter(
            start_time=_timestamp(options.get("start")),
            end_time=_timestamp(options.get("end")),
            actions=[int(action) for action in options.get("actions", ())],  # type: ignore[misc]
            principal=options.get("principal", ""),
            record_id=options.get("record_id", ""),
        )
        request = audit_pb2.AuditRequest(
            filter=narrow,
            limit=options.get("limit", 0),
            page_token=options.get("page_token", ""),
            newest_first=options.get("newest_first", False),
        )
        return self._call("Audit", request, self._deadlines.audit, options, AuditRecord._of)

    def audit_proof(self, options: ProofOptions) -> Call[AuditProof]:
        request = audit_pb2.GetAuditProofRequest(
            record_id=options.get("record_id", ""),
            from_tree_size=options.get("from_tree_size", 0),
            tree_size=options.get("tree_size", 0),
        )
        return self._call("GetAuditProof", request, self._deadlines.other, options, AuditProof._of)

    def verify_audit(self, options: RangeOptions) -> Call[AuditVerification]:
        start, end = _timestamp(options.get("start")), _timestamp(options.get("end"))
        request = audit_pb2.VerifyAuditRequest(start_time=start, end_time=end)
        return self._call("VerifyAudit", request, self._deadlines.audit, options, AuditVerification._of)

    def server_info(self, options: CallOptions) -> Call[ServerInfo]:
        request = shield_pb2.GetServerInfoRequest()
        return self._call("GetServerInfo", request, self._deadlines.other, options, ServerInfo._of)

    def scan_stream(self, options: StreamOptions) -> Call[Finding | Released | ScanResult]:
        first = shield_pb2.ScanStreamRequest(config=_stream_config(options))
        return self._call("ScanStream", first, None, options, _scan_event)

    def redact_stream(self, options: StreamOptions) -> Call[str | RedactResult]:
        first = shield_pb2.RedactStreamRequest(config=_stream_config(options))
        return self._call("RedactStream", first, None, options, _redact_event)

    def _call(
        self,
        rpc: str,
        request: Any,
        timeout: float | None,
        options: CallOptions,
        answer: Callable[[Any], Answer],
        fallback: Callable[[ShieldError], Answer] | None = None,
    ) -> Call[Answer]:
        metadata = call_metadata(options.get("trace_context"), options.get("request_id"))
        return Call(rpc, request, options.get("timeout", timeout), metadata, answer, fallback)


def messages(contents: Contents) -> list[types_pb2.Content]:
    """Returns the contents as the schema has them."""
    if isinstance(contents, (str, Content)):
        contents = [contents]
    return [_message(Content(one) if isinstance(one, str) else one) for one in contents]


def deltas(chunks: Iterable[str | bytes], message: type) -> Iterator[Any]:
    """Returns the pieces of a text as messages of a stream."""
    for chunk in chunks:
        yield message(delta=_whole(chunk).encode() if isinstance(chunk, str) else chunk)


def _message(content: Content) -> types_pb2.Content:
    return types_pb2.Content(id=content.id, role=int(content.role), text=_whole(content.text))  # type: ignore[arg-type]


def _whole(text: str) -> str:
    """Replaces half characters, which UTF-8 cannot say. It keeps all offsets in code points and UTF-16 units."""
    return text if text.isascii() else SURROGATES.sub("\ufffd", text)


def _decision_fields(options: DecisionOptions) -> dict[str, Any]:
    return {
        "direction": int(options.get("direction", Direction.UNSPECIFIED)),
        "policy": options.get("policy", ""),
        "idempotency_key": options.get("idempotency_key", ""),
        "labels": options.get("labels", {}),
    }


def _stream_config(options: StreamOptions) -> shield_pb2.StreamConfig:
    return shield_pb2.StreamConfig(
        role=int(options.get("role", Role.UNSPECIFIED)),  # type: ignore[arg-type]
        direction=int(options.get("direction", Direction.UNSPECIFIED)),  # type: ignore[arg-type]
        policy=options.get("policy", ""),
        labels=options.get("labels", {}),
        mode=int(options.get("mode", StreamMode.UNSPECIFIED)),  # type: ignore[arg-type]
        holdback_bytes=options.get("holdback_bytes", 0),
    )


def _timestamp(time: datetime | None) -> datetime | None:
    """Refuses a time without a zone: protobuf would take it for UTC, and Python for local time."""
    if time is not None and time.tzinfo is None:
        raise ValueError("a time needs its zone, such as datetime.now(timezone.utc)")
    return time


def _span(redaction: Redaction) -> types_pb2.Span:
    return types_pb2.Span(**{name: getattr(redaction.redacted, name) for name in redaction.redacted.__slots__})


def _scan_event(message: shield_pb2.ScanStreamResponse) -> Finding | Released | ScanResult:
    kind = message.WhichOneof("message")
    if kind == "finding":
        return Finding._of(message.finding)
    if kind == "released_bytes":
        return Released(message.released_bytes)
    return ScanResult._of(message.summary)


def _redact_event(message: shield_pb2.RedactStreamResponse) -> str | RedactResult:
    return message.delta if message.WhichOneof("message") == "delta" else RedactResult._of(message.summary)
