import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from llm_shield.v1 import audit_pb2 as _audit_pb2
from llm_shield.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StreamMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STREAM_MODE_UNSPECIFIED: _ClassVar[StreamMode]
    STREAM_MODE_SLIDING: _ClassVar[StreamMode]
    STREAM_MODE_BUFFERED: _ClassVar[StreamMode]
    STREAM_MODE_AUDIT: _ClassVar[StreamMode]
STREAM_MODE_UNSPECIFIED: StreamMode
STREAM_MODE_SLIDING: StreamMode
STREAM_MODE_BUFFERED: StreamMode
STREAM_MODE_AUDIT: StreamMode

class ScanRequest(_message.Message):
    __slots__ = ("contents", "direction", "policy", "idempotency_key", "labels", "subject_id")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CONTENTS_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    contents: _containers.RepeatedCompositeFieldContainer[_types_pb2.Content]
    direction: _types_pb2.Direction
    policy: str
    idempotency_key: str
    labels: _containers.ScalarMap[str, str]
    subject_id: str
    def __init__(self, contents: _Optional[_Iterable[_Union[_types_pb2.Content, _Mapping]]] = ..., direction: _Optional[_Union[_types_pb2.Direction, str]] = ..., policy: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., subject_id: _Optional[str] = ...) -> None: ...

class ScanResponse(_message.Message):
    __slots__ = ("action", "verdict", "findings", "findings_truncated", "injection_score", "detectors", "coverage", "degraded", "policy", "model_id", "audit_record_id", "request_id", "duration_us", "receipt")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    INJECTION_SCORE_FIELD_NUMBER: _ClassVar[int]
    DETECTORS_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    AUDIT_RECORD_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    DURATION_US_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    action: _types_pb2.Action
    verdict: _types_pb2.Verdict
    findings: _containers.RepeatedCompositeFieldContainer[_types_pb2.Finding]
    findings_truncated: bool
    injection_score: float
    detectors: _containers.RepeatedCompositeFieldContainer[_types_pb2.DetectorReport]
    coverage: _types_pb2.Coverage
    degraded: bool
    policy: _types_pb2.PolicyInfo
    model_id: str
    audit_record_id: str
    request_id: str
    duration_us: int
    receipt: _audit_pb2.AuditReceipt
    def __init__(self, action: _Optional[_Union[_types_pb2.Action, str]] = ..., verdict: _Optional[_Union[_types_pb2.Verdict, str]] = ..., findings: _Optional[_Iterable[_Union[_types_pb2.Finding, _Mapping]]] = ..., findings_truncated: bool = ..., injection_score: _Optional[float] = ..., detectors: _Optional[_Iterable[_Union[_types_pb2.DetectorReport, _Mapping]]] = ..., coverage: _Optional[_Union[_types_pb2.Coverage, _Mapping]] = ..., degraded: bool = ..., policy: _Optional[_Union[_types_pb2.PolicyInfo, _Mapping]] = ..., model_id: _Optional[str] = ..., audit_record_id: _Optional[str] = ..., request_id: _Optional[str] = ..., duration_us: _Optional[int] = ..., receipt: _Optional[_Union[_audit_pb2.AuditReceipt, _Mapping]] = ...) -> None: ...

class RedactRequest(_message.Message):
    __slots__ = ("contents", "direction", "policy", "idempotency_key", "labels", "conversation", "subject_id")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CONTENTS_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    contents: _containers.RepeatedCompositeFieldContainer[_types_pb2.Content]
    direction: _types_pb2.Direction
    policy: str
    idempotency_key: str
    labels: _containers.ScalarMap[str, str]
    conversation: str
    subject_id: str
    def __init__(self, contents: _Optional[_Iterable[_Union[_types_pb2.Content, _Mapping]]] = ..., direction: _Optional[_Union[_types_pb2.Direction, str]] = ..., policy: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., conversation: _Optional[str] = ..., subject_id: _Optional[str] = ...) -> None: ...

class Redaction(_message.Message):
    __slots__ = ("entity", "rule_id", "operator", "original", "redacted")
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_FIELD_NUMBER: _ClassVar[int]
    REDACTED_FIELD_NUMBER: _ClassVar[int]
    entity: str
    rule_id: str
    operator: str
    original: _types_pb2.Span
    redacted: _types_pb2.Span
    def __init__(self, entity: _Optional[str] = ..., rule_id: _Optional[str] = ..., operator: _Optional[str] = ..., original: _Optional[_Union[_types_pb2.Span, _Mapping]] = ..., redacted: _Optional[_Union[_types_pb2.Span, _Mapping]] = ...) -> None: ...

class RedactedContent(_message.Message):
    __slots__ = ("id", "text", "redactions")
    ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    REDACTIONS_FIELD_NUMBER: _ClassVar[int]
    id: str
    text: str
    redactions: _containers.RepeatedCompositeFieldContainer[Redaction]
    def __init__(self, id: _Optional[str] = ..., text: _Optional[str] = ..., redactions: _Optional[_Iterable[_Union[Redaction, _Mapping]]] = ...) -> None: ...

class RedactResponse(_message.Message):
    __slots__ = ("contents", "action", "verdict", "detectors", "coverage", "degraded", "policy", "audit_record_id", "request_id", "duration_us", "receipt")
    CONTENTS_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    DETECTORS_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    AUDIT_RECORD_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    DURATION_US_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    contents: _containers.RepeatedCompositeFieldContainer[RedactedContent]
    action: _types_pb2.Action
    verdict: _types_pb2.Verdict
    detectors: _containers.RepeatedCompositeFieldContainer[_types_pb2.DetectorReport]
    coverage: _types_pb2.Coverage
    degraded: bool
    policy: _types_pb2.PolicyInfo
    audit_record_id: str
    request_id: str
    duration_us: int
    receipt: _audit_pb2.AuditReceipt
    def __init__(self, contents: _Optional[_Iterable[_Union[RedactedContent, _Mapping]]] = ..., action: _Optional[_Union[_types_pb2.Action, str]] = ..., verdict: _Optional[_Union[_types_pb2.Verdict, str]] = ..., detectors: _Optional[_Iterable[_Union[_types_pb2.DetectorReport, _Mapping]]] = ..., coverage: _Optional[_Union[_types_pb2.Coverage, _Mapping]] = ..., degraded: bool = ..., policy: _Optional[_Union[_types_pb2.PolicyInfo, _Mapping]] = ..., audit_record_id: _Optional[str] = ..., request_id: _Optional[str] = ..., duration_us: _Optional[int] = ..., receipt: _Optional[_Union[_audit_pb2.AuditReceipt, _Mapping]] = ...) -> None: ...

class StreamConfig(_message.Message):
    __slots__ = ("role", "direction", "policy", "labels", "mode", "holdback_bytes", "subject_id")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ROLE_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    HOLDBACK_BYTES_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    role: _types_pb2.Role
    direction: _types_pb2.Direction
    policy: str
    labels: _containers.ScalarMap[str, str]
    mode: StreamMode
    holdback_bytes: int
    subject_id: str
    def __init__(self, role: _Optional[_Union[_types_pb2.Role, str]] = ..., direction: _Optional[_Union[_types_pb2.Direction, str]] = ..., policy: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., mode: _Optional[_Union[StreamMode, str]] = ..., holdback_bytes: _Optional[int] = ..., subject_id: _Optional[str] = ...) -> None: ...

class ScanStreamRequest(_message.Message):
    __slots__ = ("config", "delta")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    config: StreamConfig
    delta: bytes
    def __init__(self, config: _Optional[_Union[StreamConfig, _Mapping]] = ..., delta: _Optional[bytes] = ...) -> None: ...

class ScanStreamResponse(_message.Message):
    __slots__ = ("finding", "released_bytes", "summary")
    FINDING_FIELD_NUMBER: _ClassVar[int]
    RELEASED_BYTES_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    finding: _types_pb2.Finding
    released_bytes: int
    summary: ScanResponse
    def __init__(self, finding: _Optional[_Union[_types_pb2.Finding, _Mapping]] = ..., released_bytes: _Optional[int] = ..., summary: _Optional[_Union[ScanResponse, _Mapping]] = ...) -> None: ...

class RedactStreamRequest(_message.Message):
    __slots__ = ("config", "delta")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    config: StreamConfig
    delta: bytes
    def __init__(self, config: _Optional[_Union[StreamConfig, _Mapping]] = ..., delta: _Optional[bytes] = ...) -> None: ...

class RedactStreamResponse(_message.Message):
    __slots__ = ("delta", "summary")
    DELTA_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    delta: str
    summary: RedactResponse
    def __init__(self, delta: _Optional[str] = ..., summary: _Optional[_Union[RedactResponse, _Mapping]] = ...) -> None: ...

class RestorePlace(_message.Message):
    __slots__ = ("content_index", "span", "entity")
    CONTENT_INDEX_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    content_index: int
    span: _types_pb2.Span
    entity: str
    def __init__(self, content_index: _Optional[int] = ..., span: _Optional[_Union[_types_pb2.Span, _Mapping]] = ..., entity: _Optional[str] = ...) -> None: ...

class RestoreRequest(_message.Message):
    __slots__ = ("contents", "purpose", "conversation", "policy", "places")
    CONTENTS_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    PLACES_FIELD_NUMBER: _ClassVar[int]
    contents: _containers.RepeatedCompositeFieldContainer[_types_pb2.Content]
    purpose: str
    conversation: str
    policy: str
    places: _containers.RepeatedCompositeFieldContainer[RestorePlace]
    def __init__(self, contents: _Optional[_Iterable[_Union[_types_pb2.Content, _Mapping]]] = ..., purpose: _Optional[str] = ..., conversation: _Optional[str] = ..., policy: _Optional[str] = ..., places: _Optional[_Iterable[_Union[RestorePlace, _Mapping]]] = ...) -> None: ...

class RestoreResponse(_message.Message):
    __slots__ = ("contents", "restored_count", "audit_record_id", "unknown_count", "request_id", "duration_us", "receipt")
    CONTENTS_FIELD_NUMBER: _ClassVar[int]
    RESTORED_COUNT_FIELD_NUMBER: _ClassVar[int]
    AUDIT_RECORD_ID_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_COUNT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    DURATION_US_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    contents: _containers.RepeatedCompositeFieldContainer[_types_pb2.Content]
    restored_count: int
    audit_record_id: str
    unknown_count: int
    request_id: str
    duration_us: int
    receipt: _audit_pb2.AuditReceipt
    def __init__(self, contents: _Optional[_Iterable[_Union[_types_pb2.Content, _Mapping]]] = ..., restored_count: _Optional[int] = ..., audit_record_id: _Optional[str] = ..., unknown_count: _Optional[int] = ..., request_id: _Optional[str] = ..., duration_us: _Optional[int] = ..., receipt: _Optional[_Union[_audit_pb2.AuditReceipt, _Mapping]] = ...) -> None: ...

class GetServerInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetServerInfoResponse(_message.Message):
    __slots__ = ("version", "detectors", "policies", "default_policy", "max_message_bytes", "max_concurrent_requests", "ready_time", "principal", "tenant", "roles", "least_holdback_bytes")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DETECTORS_FIELD_NUMBER: _ClassVar[int]
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_POLICY_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_CONCURRENT_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    READY_TIME_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    LEAST_HOLDBACK_BYTES_FIELD_NUMBER: _ClassVar[int]
    version: str
    detectors: _containers.RepeatedCompositeFieldContainer[DetectorInfo]
    policies: _containers.RepeatedCompositeFieldContainer[_types_pb2.PolicyInfo]
    default_policy: str
    max_message_bytes: int
    max_concurrent_requests: int
    ready_time: _timestamp_pb2.Timestamp
    principal: str
    tenant: str
    roles: _containers.RepeatedScalarFieldContainer[str]
    least_holdback_bytes: int
    def __init__(self, version: _Optional[str] = ..., detectors: _Optional[_Iterable[_Union[DetectorInfo, _Mapping]]] = ..., policies: _Optional[_Iterable[_Union[_types_pb2.PolicyInfo, _Mapping]]] = ..., default_policy: _Optional[str] = ..., max_message_bytes: _Optional[int] = ..., max_concurrent_requests: _Optional[int] = ..., ready_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., principal: _Optional[str] = ..., tenant: _Optional[str] = ..., roles: _Optional[_Iterable[str]] = ..., least_holdback_bytes: _Optional[int] = ...) -> None: ...

class DetectorInfo(_message.Message):
    __slots__ = ("name", "rule_count", "entities")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RULE_COUNT_FIELD_NUMBER: _ClassVar[int]
    ENTITIES_FIELD_NUMBER: _ClassVar[int]
    name: str
    rule_count: int
    entities: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., rule_count: _Optional[int] = ..., entities: _Optional[_Iterable[str]] = ...) -> None: ...
