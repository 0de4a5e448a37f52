"""What the service answers, as plain immutable values.

No `repr` here shows a text that was scanned or redacted: answers end up in logs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ._enums import Action, DetectorStatus, Direction, Role, Severity, Verdict
from ._errors import ShieldError
from .v1 import audit_pb2, shield_pb2, types_pb2


@dataclass(frozen=True, slots=True)
class Content:
    """One piece of text of a request, or of the answer to a `restore`."""

    text: str = field(repr=False)
    role: Role = Role.USER
    id: str = ""

    @classmethod
    def _of(cls, message: types_pb2.Content) -> Content:
        return cls(text=message.text, role=Role(message.role), id=message.id)


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of a content's text in three units; Python's `str` counts code points."""

    start_byte: int
    end_byte: int
    start_code_point: int
    end_code_point: int
    start_utf16: int
    end_utf16: int

    def slice(self, text: str) -> str:
        """Returns the part of the caller's own string."""
        return text[self.start_code_point : self.end_code_point]

    @classmethod
    def _of(cls, message: types_pb2.Span) -> Span:
        return cls(**{name: getattr(message, name) for name in cls.__slots__})


def slice_text(text: str, span: Span) -> str:
    """Returns the part of a string that a span is about, in code points, the units of Python's `str`."""
    return span.slice(text)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a detector saw. It never carries the matched text: `span.slice(text)` gives that."""

    content_id: str
    detector: str
    category: str
    entity: str
    rule_id: str
    severity: Severity
    score: float
    span: Span
    decoding_path: tuple[str, ...] = ()
    pointer: str = ""

    @classmethod
    def _of(cls, message: types_pb2.Finding) -> Finding:
        return cls(
            content_id=message.content_id,
            detector=message.detector,
            category=message.category,
            entity=message.entity,
            rule_id=message.rule_id,
            severity=Severity(message.severity),
            score=message.score,
            span=Span._of(message.span),
            decoding_path=tuple(message.decoding_path),
            pointer=message.pointer,
        )


@dataclass(frozen=True, slots=True)
class DetectorReport:
    """One detector's account of a request."""

    detector: str
    status: DetectorStatus
    score: float
    finding_count: int
    duration_us: int
    reason: str

    @classmethod
    def _of(cls, message: types_pb2.DetectorReport) -> DetectorReport:
        return cls(
            detector=message.detector,
            status=DetectorStatus(message.status),
            score=message.score,
            finding_count=message.finding_count,
            duration_us=message.duration_us,
            reason=message.reason,
        )


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the text was scanned."""

    bytes_total: int = 0
    bytes_scanned: int = 0
    truncated: bool = False

    @classmethod
    def _of(cls, message: types_pb2.Coverage) -> Coverage:
        return cls(message.bytes_total, message.bytes_scanned, message.truncated)


@dataclass(frozen=True, slots=True)
class PolicyInfo:
    """The policy that decided."""

    name: str = ""
    digest: str = ""

    @classmethod
    def _of(cls, message: types_pb2.PolicyInfo) -> PolicyInfo:
        return cls(message.name, message.digest)


@dataclass(frozen=True, slots=True)
class _Decision:
    """What a scan and a redaction have in common."""

    action: Action
    verdict: Verdict = Verdict.UNSPECIFIED
    detectors: tuple[DetectorReport, ...] = ()
    coverage: Coverage = Coverage()
    degraded: bool = False
    policy: PolicyInfo = PolicyInfo()
    audit_record_id: str = ""
    request_id: str = ""
    duration_us: int = 0
    unavailable: bool = False
    """The service gave no answer: the action is the client's `on_unavailable`, and nothing was looked at."""
    error: ShieldError | None = None
    """Why, when `unavailable`."""

    @property
    def allowed(self) -> bool:
        """Whether the text may pass as it is: `ALLOW` or `FLAG`."""
        return self.action in (Action.ALLOW, Action.FLAG)

    @property
    def blocked(self) -> bool:
        """Whether the text must not pass."""
        return self.action is Action.BLOCK


def _decision(message: shield_pb2.ScanResponse | shield_pb2.RedactResponse) -> dict[str, Any]:
    return {
        "action": Action(message.action),
        "verdict": Verdict(message.verdict),
        "detectors": tuple(DetectorReport._of(report) for report in message.detectors),
        "coverage": Coverage._of(message.coverage),
        "degraded": message.degraded,
        "policy": PolicyInfo._of(message.policy),
        "audit_record_id": message.audit_record_id,
        "request_id": message.request_id,
        "duration_us": message.duration_us,
    }


@dataclass(frozen=True, slots=True)
class ScanResult(_Decision):
    """The decision on some contents."""

    findings: tuple[Finding, ...] = ()
    findings_truncated: bool = False
    injection_score: float = 0.0
    model_id: str = ""

    @classmethod
    def _of(cls, message: shield_pb2.ScanResponse) -> ScanResult:
        return cls(
            findings=tuple(Finding._of(finding) for finding in message.findings),
            findings_truncated=message.findings_truncated,
            injection_score=message.injection_score,
            model_id=message.model_id,
            **_decision(message),
        )


@dataclass(frozen=True, slots=True)
class Redaction:
    """One replaced span."""

    entity: str
    rule_id: str
    operator: str
    original: Span
    redacted: Span

    @classmethod
    def _of(cls, message: shield_pb2.Redaction) -> Redaction:
        return cls(
            entity=message.entity,
            rule_id=message.rule_id,
            operator=message.operator,
            original=Span._of(message.original),
            redacted=Span._of(message.redacted),
        )


@dataclass(frozen=True, slots=True)
class RedactedContent:
    """One content after redaction."""

    id: str
    text: str = field(repr=False)
    redactions: tuple[Redaction, ...] = ()

    @classmethod
    def _of(cls, message: shield_pb2.RedactedContent) -> RedactedContent:
        redactions = tuple(Redaction._of(redaction) for redaction in message.redactions)
        return cls(id=message.id, text=message.text, redactions=redactions)


@dataclass(frozen=True, slots=True)
class RedactResult(_Decision):
    """The redacted contents, and the decision on the original ones."""

    contents: tuple[RedactedContent, ...] = ()

    @property
    def texts(self) -> list[str]:
        """The redacted texts, in the order of the request; none when the service was away and `block` was chosen."""
        return [content.text for content in self.contents]

    @property
    def text(self) -> str:
        """The redacted text of a request with one content.

        Raises ValueError when there is not exactly one.
        """
        if len(self.contents) != 1:
            raise ValueError(f"the answer has {len(self.contents)} contents: use `texts`")
        return self.contents[0].text

    @classmethod
    def _of(cls, message: shield_pb2.RedactResponse) -> RedactResult:
        contents = tuple(RedactedContent._of(content) for content in message.contents)
        return cls(contents=contents, **_decision(message))


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """The restored contents."""

    contents: tuple[Content, ...]
    restored_count: int
    unknown_count: int
    audit_record_id: str
    request_id: str
    duration_us: int

    @property
    def texts(self) -> list[str]:
        """The restored texts, in the order of the request."""
        return [content.text for content in self.contents]

    @classmethod
    def _of(cls, message: shield_pb2.RestoreResponse) -> RestoreResult:
        return cls(
            contents=tuple(Content._of(content) for content in message.contents),
            restored_count=message.restored_count,
            unknown_count=message.unknown_count,
            audit_record_id=message.audit_record_id,
            request_id=message.request_id,
            duration_us=message.duration_us,
        )


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """A finding as the audit log keeps it."""

    content_id: str
    detector: str
    category: str
    entity: str
    rule_id: str
    severity: Severity
    score: float
    start_byte: int
    end_byte: int

    @classmethod
    def _of(cls, message: audit_pb2.AuditFinding) -> AuditFinding:
        values = {name: getattr(message, name) for name in cls.__slots__}
        return cls(**values | {"severity": Severity(message.severity)})


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One decision, as it was sealed when it was made."""

    id: str
    sequence: int
    time: datetime
    tenant: str
    principal: str
    rpc: str
    request_id: str
    direction: Direction
    verdict: Verdict
    action: Action
    policy: PolicyInfo
    findings: tuple[AuditFinding, ...]
    content_digests: tuple[str, ...]
    coverage: Coverage
    duration_us: int
    degraded: bool
    labels: Mapping[str, str]
    next_page_token: str
    """Goes on behind this record when given to `audit` as `page_token`."""

    @classmethod
    def _of(cls, response: audit_pb2.AuditResponse) -> AuditRecord:
        message = response.record
        return cls(
            id=message.id,
            sequence=message.sequence,
            time=message.time.ToDatetime(tzinfo=timezone.utc),
            tenant=message.tenant,
            principal=message.principal,
            rpc=message.rpc,
            request_id=message.request_id,
            direction=Direction(message.direction),
            verdict=Verdict(message.verdict),
            action=Action(message.action),
            policy=PolicyInfo._of(message.policy),
            findings=tuple(AuditFinding._of(finding) for finding in message.findings),
            content_digests=tuple(message.content_digests),
            coverage=Coverage._of(message.coverage),
            duration_us=message.duration_us,
            degraded=message.degraded,
            labels=dict(message.labels),
            next_page_token=response.next_page_token,
        )


@dataclass(frozen=True, slots=True)
class AuditProof:
    """A Merkle proof in the sense of RFC 6962, section 2.1."""

    leaf_index: int
    tree_size: int
    hashes: tuple[bytes, ...]
    checkpoint: str

    @classmethod
    def _of(cls, message: audit_pb2.GetAuditProofResponse) -> AuditProof:
        return cls(message.leaf_index, message.tree_size, tuple(message.hashes), message.checkpoint)


@dataclass(frozen=True, slots=True)
class AuditVerification:
    """Progress of a verification; the last one, with `done`, has the result."""

    records_checked: int
    done: bool
    intact: bool
    first_broken: str
    problem: str

    @classmethod
    def _of(cls, message: audit_pb2.VerifyAuditResponse) -> AuditVerification:
        return cls(**{name: getattr(message, name) for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class DetectorInfo:
    """A detector of the server."""

    name: str
    rule_count: int
    entities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What the server is, and who the caller is to it."""

    version: str
    detectors: tuple[DetectorInfo, ...]
    policies: tuple[PolicyInfo, ...]
    default_policy: str
    max_message_bytes: int
    max_concurrent_requests: int
    ready_time: datetime
    principal: str
    tenant: str
    roles: tuple[str, ...]
    least_holdback_bytes: int

    @classmethod
    def _of(cls, message: shield_pb2.GetServerInfoResponse) -> ServerInfo:
        detectors = (DetectorInfo(one.name, one.rule_count, tuple(one.entities)) for one in message.detectors)
        return cls(
            version=message.version,
            detectors=tuple(detectors),
            policies=tuple(PolicyInfo._of(policy) for policy in message.policies),
            default_policy=message.default_policy,
            max_message_bytes=message.max_message_bytes,
            max_concurrent_requests=message.max_concurrent_requests,
            ready_time=message.ready_time.ToDatetime(tzinfo=timezone.utc),
            principal=message.principal,
            tenant=message.tenant,
            roles=tuple(message.roles),
            least_holdback_bytes=message.least_holdback_bytes,
        )


@dataclass(frozen=True, slots=True)
class Released:
    """So many bytes of a scanned stream, from its start, are safe to pass on."""

    bytes: int


def as_dict(answer: Any) -> dict[str, Any]:
    """Returns an answer as plain values, for JSON or a data frame; enums become their names."""

    def plain(items: list[tuple[str, Any]]) -> dict[str, Any]:
        return {name: value.name if hasattr(value, "name") else value for name, value in items if name != "error"}

    return dataclasses.asdict(answer, dict_factory=plain)
