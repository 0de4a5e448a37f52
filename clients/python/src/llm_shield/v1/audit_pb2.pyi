import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from llm_shield.v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AuditContentMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIT_CONTENT_MODE_UNSPECIFIED: _ClassVar[AuditContentMode]
    AUDIT_CONTENT_MODE_FINGERPRINT: _ClassVar[AuditContentMode]
    AUDIT_CONTENT_MODE_REDACTED: _ClassVar[AuditContentMode]
    AUDIT_CONTENT_MODE_SEALED: _ClassVar[AuditContentMode]
AUDIT_CONTENT_MODE_UNSPECIFIED: AuditContentMode
AUDIT_CONTENT_MODE_FINGERPRINT: AuditContentMode
AUDIT_CONTENT_MODE_REDACTED: AuditContentMode
AUDIT_CONTENT_MODE_SEALED: AuditContentMode

class AuditFinding(_message.Message):
    __slots__ = ("content_id", "detector", "category", "entity", "rule_id", "severity", "score", "start_byte", "end_byte", "fingerprint")
    CONTENT_ID_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    START_BYTE_FIELD_NUMBER: _ClassVar[int]
    END_BYTE_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    content_id: str
    detector: str
    category: str
    entity: str
    rule_id: str
    severity: _types_pb2.Severity
    score: float
    start_byte: int
    end_byte: int
    fingerprint: str
    def __init__(self, content_id: _Optional[str] = ..., detector: _Optional[str] = ..., category: _Optional[str] = ..., entity: _Optional[str] = ..., rule_id: _Optional[str] = ..., severity: _Optional[_Union[_types_pb2.Severity, str]] = ..., score: _Optional[float] = ..., start_byte: _Optional[int] = ..., end_byte: _Optional[int] = ..., fingerprint: _Optional[str] = ...) -> None: ...

class AuditDetector(_message.Message):
    __slots__ = ("detector", "status", "duration_us")
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DURATION_US_FIELD_NUMBER: _ClassVar[int]
    detector: str
    status: _types_pb2.DetectorStatus
    duration_us: int
    def __init__(self, detector: _Optional[str] = ..., status: _Optional[_Union[_types_pb2.DetectorStatus, str]] = ..., duration_us: _Optional[int] = ...) -> None: ...

class AuditContent(_message.Message):
    __slots__ = ("content_id", "text")
    CONTENT_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    content_id: str
    text: str
    def __init__(self, content_id: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class AuditReceipt(_message.Message):
    __slots__ = ("record_id", "log_id", "leaf_index", "leaf_hash")
    RECORD_ID_FIELD_NUMBER: _ClassVar[int]
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    LEAF_HASH_FIELD_NUMBER: _ClassVar[int]
    record_id: str
    log_id: str
    leaf_index: int
    leaf_hash: bytes
    def __init__(self, record_id: _Optional[str] = ..., log_id: _Optional[str] = ..., leaf_index: _Optional[int] = ..., leaf_hash: _Optional[bytes] = ...) -> None: ...

class AuditRecord(_message.Message):
    __slots__ = ("id", "sequence", "time", "tenant", "principal", "rpc", "request_id", "direction", "verdict", "action", "policy", "findings", "content_digests", "coverage", "duration_us", "degraded", "labels", "log_id", "leaf_hash", "model_id", "detectors", "content_mode", "contents", "subject_tag", "contents_erased")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    RPC_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    CONTENT_DIGESTS_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    DURATION_US_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    LEAF_HASH_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    DETECTORS_FIELD_NUMBER: _ClassVar[int]
    CONTENT_MODE_FIELD_NUMBER: _ClassVar[int]
    CONTENTS_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_TAG_FIELD_NUMBER: _ClassVar[int]
    CONTENTS_ERASED_FIELD_NUMBER: _ClassVar[int]
    id: str
    sequence: int
    time: _timestamp_pb2.Timestamp
    tenant: str
    principal: str
    rpc: str
    request_id: str
    direction: _types_pb2.Direction
    verdict: _types_pb2.Verdict
    action: _types_pb2.Action
    policy: _types_pb2.PolicyInfo
    findings: _containers.RepeatedCompositeFieldContainer[AuditFinding]
    content_digests: _containers.RepeatedScalarFieldContainer[str]
    coverage: _types_pb2.Coverage
    duration_us: int
    degraded: bool
    labels: _containers.ScalarMap[str, str]
    log_id: str
    leaf_hash: bytes
    model_id: str
    detectors: _containers.RepeatedCompositeFieldContainer[AuditDetector]
    content_mode: AuditContentMode
    contents: _containers.RepeatedCompositeFieldContainer[AuditContent]
    subject_tag: str
    contents_erased: bool
    def __init__(self, id: _Optional[str] = ..., sequence: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., tenant: _Optional[str] = ..., principal: _Optional[str] = ..., rpc: _Optional[str] = ..., request_id: _Optional[str] = ..., direction: _Optional[_Union[_types_pb2.Direction, str]] = ..., verdict: _Optional[_Union[_types_pb2.Verdict, str]] = ..., action: _Optional[_Union[_types_pb2.Action, str]] = ..., policy: _Optional[_Union[_types_pb2.PolicyInfo, _Mapping]] = ..., findings: _Optional[_Iterable[_Union[AuditFinding, _Mapping]]] = ..., content_digests: _Optional[_Iterable[str]] = ..., coverage: _Optional[_Union[_types_pb2.Coverage, _Mapping]] = ..., duration_us: _Optional[int] = ..., degraded: bool = ..., labels: _Optional[_Mapping[str, str]] = ..., log_id: _Optional[str] = ..., leaf_hash: _Optional[bytes] = ..., model_id: _Optional[str] = ..., detectors: _Optional[_Iterable[_Union[AuditDetector, _Mapping]]] = ..., content_mode: _Optional[_Union[AuditContentMode, str]] = ..., contents: _Optional[_Iterable[_Union[AuditContent, _Mapping]]] = ..., subject_tag: _Optional[str] = ..., contents_erased: bool = ...) -> None: ...

class AuditFilter(_message.Message):
    __slots__ = ("start_time", "end_time", "actions", "principal", "record_id", "rpc", "detectors", "categories", "labels", "subject_id", "include_reads")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    RECORD_ID_FIELD_NUMBER: _ClassVar[int]
    RPC_FIELD_NUMBER: _ClassVar[int]
    DETECTORS_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_READS_FIELD_NUMBER: _ClassVar[int]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    actions: _containers.RepeatedScalarFieldContainer[_types_pb2.Action]
    principal: str
    record_id: str
    rpc: str
    detectors: _containers.RepeatedScalarFieldContainer[str]
    categories: _containers.RepeatedScalarFieldContainer[str]
    labels: _containers.ScalarMap[str, str]
    subject_id: str
    include_reads: bool
    def __init__(self, start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., actions: _Optional[_Iterable[_Union[_types_pb2.Action, str]]] = ..., principal: _Optional[str] = ..., record_id: _Optional[str] = ..., rpc: _Optional[str] = ..., detectors: _Optional[_Iterable[str]] = ..., categories: _Optional[_Iterable[str]] = ..., labels: _Optional[_Mapping[str, str]] = ..., subject_id: _Optional[str] = ..., include_reads: bool = ...) -> None: ...

class AuditRequest(_message.Message):
    __slots__ = ("filter", "limit", "page_token", "newest_first")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    NEWEST_FIRST_FIELD_NUMBER: _ClassVar[int]
    filter: AuditFilter
    limit: int
    page_token: str
    newest_first: bool
    def __init__(self, filter: _Optional[_Union[AuditFilter, _Mapping]] = ..., limit: _Optional[int] = ..., page_token: _Optional[str] = ..., newest_first: bool = ...) -> None: ...

class AuditResponse(_message.Message):
    __slots__ = ("record", "next_page_token")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    record: AuditRecord
    next_page_token: str
    def __init__(self, record: _Optional[_Union[AuditRecord, _Mapping]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetAuditProofRequest(_message.Message):
    __slots__ = ("record_id", "from_tree_size", "tree_size")
    RECORD_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_TREE_SIZE_FIELD_NUMBER: _ClassVar[int]
    TREE_SIZE_FIELD_NUMBER: _ClassVar[int]
    record_id: str
    from_tree_size: int
    tree_size: int
    def __init__(self, record_id: _Optional[str] = ..., from_tree_size: _Optional[int] = ..., tree_size: _Optional[int] = ...) -> None: ...

class GetAuditProofResponse(_message.Message):
    __slots__ = ("leaf_index", "tree_size", "hashes", "checkpoint", "leaf_hash", "root_hash", "log_id")
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    TREE_SIZE_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    LEAF_HASH_FIELD_NUMBER: _ClassVar[int]
    ROOT_HASH_FIELD_NUMBER: _ClassVar[int]
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    leaf_index: int
    tree_size: int
    hashes: _containers.RepeatedScalarFieldContainer[bytes]
    checkpoint: str
    leaf_hash: bytes
    root_hash: bytes
    log_id: str
    def __init__(self, leaf_index: _Optional[int] = ..., tree_size: _Optional[int] = ..., hashes: _Optional[_Iterable[bytes]] = ..., checkpoint: _Optional[str] = ..., leaf_hash: _Optional[bytes] = ..., root_hash: _Optional[bytes] = ..., log_id: _Optional[str] = ...) -> None: ...

class VerifyAuditRequest(_message.Message):
    __slots__ = ("start_time", "end_time")
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class VerifyAuditResponse(_message.Message):
    __slots__ = ("records_checked", "done", "intact", "first_broken", "problem", "segments_checked")
    RECORDS_CHECKED_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    INTACT_FIELD_NUMBER: _ClassVar[int]
    FIRST_BROKEN_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_CHECKED_FIELD_NUMBER: _ClassVar[int]
    records_checked: int
    done: bool
    intact: bool
    first_broken: str
    problem: str
    segments_checked: int
    def __init__(self, records_checked: _Optional[int] = ..., done: bool = ..., intact: bool = ..., first_broken: _Optional[str] = ..., problem: _Optional[str] = ..., segments_checked: _Optional[int] = ...) -> None: ...
