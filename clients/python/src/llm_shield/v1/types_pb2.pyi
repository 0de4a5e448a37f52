from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_USER: _ClassVar[Role]
    ROLE_SYSTEM: _ClassVar[Role]
    ROLE_ASSISTANT: _ClassVar[Role]
    ROLE_TOOL: _ClassVar[Role]
    ROLE_DOCUMENT: _ClassVar[Role]

class Direction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIRECTION_UNSPECIFIED: _ClassVar[Direction]
    DIRECTION_INPUT: _ClassVar[Direction]
    DIRECTION_OUTPUT: _ClassVar[Direction]

class Action(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACTION_UNSPECIFIED: _ClassVar[Action]
    ACTION_ALLOW: _ClassVar[Action]
    ACTION_FLAG: _ClassVar[Action]
    ACTION_REDACT: _ClassVar[Action]
    ACTION_BLOCK: _ClassVar[Action]

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_BENIGN: _ClassVar[Verdict]
    VERDICT_SUSPICIOUS: _ClassVar[Verdict]
    VERDICT_SENSITIVE: _ClassVar[Verdict]
    VERDICT_MALICIOUS: _ClassVar[Verdict]
    VERDICT_UNDETERMINED: _ClassVar[Verdict]

class Severity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEVERITY_UNSPECIFIED: _ClassVar[Severity]
    SEVERITY_INFO: _ClassVar[Severity]
    SEVERITY_LOW: _ClassVar[Severity]
    SEVERITY_MEDIUM: _ClassVar[Severity]
    SEVERITY_HIGH: _ClassVar[Severity]
    SEVERITY_CRITICAL: _ClassVar[Severity]

class DetectorStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DETECTOR_STATUS_UNSPECIFIED: _ClassVar[DetectorStatus]
    DETECTOR_STATUS_OK: _ClassVar[DetectorStatus]
    DETECTOR_STATUS_SKIPPED: _ClassVar[DetectorStatus]
    DETECTOR_STATUS_TIMED_OUT: _ClassVar[DetectorStatus]
    DETECTOR_STATUS_FAILED: _ClassVar[DetectorStatus]
    DETECTOR_STATUS_SHADOW: _ClassVar[DetectorStatus]
ROLE_UNSPECIFIED: Role
ROLE_USER: Role
ROLE_SYSTEM: Role
ROLE_ASSISTANT: Role
ROLE_TOOL: Role
ROLE_DOCUMENT: Role
DIRECTION_UNSPECIFIED: Direction
DIRECTION_INPUT: Direction
DIRECTION_OUTPUT: Direction
ACTION_UNSPECIFIED: Action
ACTION_ALLOW: Action
ACTION_FLAG: Action
ACTION_REDACT: Action
ACTION_BLOCK: Action
VERDICT_UNSPECIFIED: Verdict
VERDICT_BENIGN: Verdict
VERDICT_SUSPICIOUS: Verdict
VERDICT_SENSITIVE: Verdict
VERDICT_MALICIOUS: Verdict
VERDICT_UNDETERMINED: Verdict
SEVERITY_UNSPECIFIED: Severity
SEVERITY_INFO: Severity
SEVERITY_LOW: Severity
SEVERITY_MEDIUM: Severity
SEVERITY_HIGH: Severity
SEVERITY_CRITICAL: Severity
DETECTOR_STATUS_UNSPECIFIED: DetectorStatus
DETECTOR_STATUS_OK: DetectorStatus
DETECTOR_STATUS_SKIPPED: DetectorStatus
DETECTOR_STATUS_TIMED_OUT: DetectorStatus
DETECTOR_STATUS_FAILED: DetectorStatus
DETECTOR_STATUS_SHADOW: DetectorStatus

class Content(_message.Message):
    __slots__ = ("id", "role", "text")
    ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    id: str
    role: Role
    text: str
    def __init__(self, id: _Optional[str] = ..., role: _Optional[_Union[Role, str]] = ..., text: _Optional[str] = ...) -> None: ...

class Span(_message.Message):
    __slots__ = ("start_byte", "end_byte", "start_code_point", "end_code_point", "start_utf16", "end_utf16")
    START_BYTE_FIELD_NUMBER: _ClassVar[int]
    END_BYTE_FIELD_NUMBER: _ClassVar[int]
    START_CODE_POINT_FIELD_NUMBER: _ClassVar[int]
    END_CODE_POINT_FIELD_NUMBER: _ClassVar[int]
    START_UTF16_FIELD_NUMBER: _ClassVar[int]
    END_UTF16_FIELD_NUMBER: _ClassVar[int]
    start_byte: int
    end_byte: int
    start_code_point: int
    end_code_point: int
    start_utf16: int
    end_utf16: int
    def __init__(self, start_byte: _Optional[int] = ..., end_byte: _Optional[int] = ..., start_code_point: _Optional[int] = ..., end_code_point: _Optional[int] = ..., start_utf16: _Optional[int] = ..., end_utf16: _Optional[int] = ...) -> None: ...

class Finding(_message.Message):
    __slots__ = ("content_id", "detector", "category", "entity", "rule_id", "severity", "score", "span", "decoding_path", "pointer")
    CONTENT_ID_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    DECODING_PATH_FIELD_NUMBER: _ClassVar[int]
    POINTER_FIELD_NUMBER: _ClassVar[int]
    content_id: str
    detector: str
    category: str
    entity: str
    rule_id: str
    severity: Severity
    score: float
    span: Span
    decoding_path: _containers.RepeatedScalarFieldContainer[str]
    pointer: str
    def __init__(self, content_id: _Optional[str] = ..., detector: _Optional[str] = ..., category: _Optional[str] = ..., entity: _Optional[str] = ..., rule_id: _Optional[str] = ..., severity: _Optional[_Union[Severity, str]] = ..., score: _Optional[float] = ..., span: _Optional[_Union[Span, _Mapping]] = ..., decoding_path: _Optional[_Iterable[str]] = ..., pointer: _Optional[str] = ...) -> None: ...

class DetectorReport(_message.Message):
    __slots__ = ("detector", "status", "score", "finding_count", "duration_us", "reason")
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    FINDING_COUNT_FIELD_NUMBER: _ClassVar[int]
    DURATION_US_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    detector: str
    status: DetectorStatus
    score: float
    finding_count: int
    duration_us: int
    reason: str
    def __init__(self, detector: _Optional[str] = ..., status: _Optional[_Union[DetectorStatus, str]] = ..., score: _Optional[float] = ..., finding_count: _Optional[int] = ..., duration_us: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class Coverage(_message.Message):
    __slots__ = ("bytes_total", "bytes_scanned", "truncated")
    BYTES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    BYTES_SCANNED_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    bytes_total: int
    bytes_scanned: int
    truncated: bool
    def __init__(self, bytes_total: _Optional[int] = ..., bytes_scanned: _Optional[int] = ..., truncated: bool = ...) -> None: ...

class PolicyInfo(_message.Message):
    __slots__ = ("name", "digest")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    name: str
    digest: str
    def __init__(self, name: _Optional[str] = ..., digest: _Optional[str] = ...) -> None: ...
