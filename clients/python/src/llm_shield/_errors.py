"""Typed errors with what the server says in the `google.rpc` details."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

DETAILS = "grpc-status-details-bin"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A field of the request that breaks its rules."""

    field: str
    description: str


class ShieldError(Exception):
    """A call that failed. Decide by `reason`: it never changes its meaning, and messages are for people.

    `code` is the gRPC status code; `reason` and `metadata` are of `ErrorInfo`; `field_violations` of `BadRequest`;
    `retry_delay` (seconds) of `RetryInfo`; `quota_subjects` of `QuotaFailure`; `resource` of `ResourceInfo`.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        reason: str = "",
        domain: str = "",
        metadata: Mapping[str, str] | None = None,
        field_violations: tuple[FieldViolation, ...] = (),
        retry_delay: float | None = None,
        quota_subjects: tuple[str, ...] = (),
        resource: str = "",
        request_id: str = "",
    ) -> None:
        self.code = code
        self.message = message
        self.reason = reason
        self.domain = domain
        self.metadata: Mapping[str, str] = metadata or {}
        self.field_violations = field_violations
        self.retry_delay = retry_delay
        self.quota_subjects = quota_subjects
        self.resource = resource
        self.request_id = request_id
        named = f"{code.name} ({reason})" if reason else code.name
        super().__init__(f"{named}: {message}")

    def __reduce__(self) -> Any:
        # Exceptions are copied and sent between processes by their positional arguments otherwise.
        return _rebuilt, (type(self), dict(self.__dict__))

    @property
    def is_unavailability(self) -> bool:
        """Whether the service gave no decision, and `on_unavailable` is to hold.

        The server was not reached or not in time, or says when to come back. A request that it refuses for what it is
        does not count: else whoever writes the text could choose to have it let through.
        """
        if self.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            return True
        return self.code is grpc.StatusCode.RESOURCE_EXHAUSTED and self.retry_delay is not None


class InvalidRequestError(ShieldError):
    """INVALID_ARGUMENT: the request breaks a rule; `field_violations` names which."""


class NotFoundError(ShieldError):
    """NOT_FOUND: there is no such policy or conversation."""


class PermissionDeniedError(ShieldError):
    """PERMISSION_DENIED: the certificate is known to nobody, or lacks the role in `metadata["permission"]`."""


class UnauthenticatedError(ShieldError):
    """UNAUTHENTICATED: the certificate has expired or was revoked."""


class ResourceExhaustedError(ShieldError):
    """RESOURCE_EXHAUSTED: overload or a quota (`retry_delay` says when to come back), or too large a message."""


class UnavailableError(ShieldError):
    """UNAVAILABLE: the server cannot be reached, does not trust the certificate, or cannot keep its audit record."""


class DeadlineExceededError(ShieldError):
    """DEADLINE_EXCEEDED: no answer in time."""


class UnimplementedError(ShieldError):
    """UNIMPLEMENTED: this version of the server does not have the method."""


class InternalError(ShieldError):
    """INTERNAL: a mistake of the server; `metadata["incident_id"]` finds it in the server's log."""


BY_CODE: Mapping[grpc.StatusCode, type[ShieldError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    grpc.StatusCode.UNAUTHENTICATED: UnauthenticatedError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhaustedError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    grpc.StatusCode.UNIMPLEMENTED: UnimplementedError,
    grpc.StatusCode.INTERNAL: InternalError,
}


def _rebuilt(kind: type[ShieldError], known: dict[str, Any]) -> ShieldError:
    return kind(known.pop("code"), known.pop("message"), **known)


def shield_error(error: grpc.RpcError) -> ShieldError:
    """Makes the typed error of what gRPC raised, which stays its cause where it is raised `from` it."""
    call: Any = error
    code = call.code() or grpc.StatusCode.UNKNOWN
    trailers = {name: value for name, value in call.trailing_metadata() or ()}
    known = _details(trailers.get(DETAILS))
    request_id = str(trailers.get("x-request-id", ""))
    message = call.details() or code.name.lower().replace("_", " ")
    return BY_CODE.get(code, ShieldError)(code, message, request_id=request_id, **known)


def _details(encoded: bytes | str | None) -> dict[str, Any]:
    """Reads the details; what cannot be read is as if it were not there, since the code alone is an answer."""
    known: dict[str, Any] = {}
    if not isinstance(encoded, bytes):
        return known
    try:
        details = status_pb2.Status.FromString(encoded).details
    except Exception:
        return known
    for detail in details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = _unpack(detail, error_details_pb2.ErrorInfo())
            known |= {"reason": info.reason, "domain": info.domain, "metadata": dict(info.metadata)}
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            violations = _unpack(detail, error_details_pb2.BadRequest()).field_violations
            known["field_violations"] = tuple(FieldViolation(one.field, one.description) for one in violations)
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            delay = _unpack(detail, error_details_pb2.RetryInfo()).retry_delay
            known["retry_delay"] = delay.seconds + delay.nanos / 1e9
        elif detail.Is(error_details_pb2.QuotaFailure.DESCRIPTOR):
            quotas = _unpack(detail, error_details_pb2.QuotaFailure()).violations
            known["quota_subjects"] = tuple(violation.subject for violation in quotas)
        elif detail.Is(error_details_pb2.ResourceInfo.DESCRIPTOR):
            known["resource"] = _unpack(detail, error_details_pb2.ResourceInfo()).resource_name
    return known


def _unpack(detail: Any, message: Any) -> Any:
    detail.Unpack(message)
    return message
