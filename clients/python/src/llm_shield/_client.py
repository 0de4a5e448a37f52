"""The synchronous client."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

import grpc
from typing_extensions import Self, Unpack

from ._answers import (
    AuditProof,
    AuditRecord,
    AuditVerification,
    Finding,
    RedactResult,
    Released,
    RestoreResult,
    ScanResult,
    ServerInfo,
)
from ._calls import (
    Answer,
    AuditOptions,
    Call,
    CallOptions,
    Calls,
    Contents,
    Deadlines,
    DecisionOptions,
    OnUnavailable,
    ProofOptions,
    RangeOptions,
    RedactOptions,
    RestoreOptions,
    StreamOptions,
    deltas,
)
from ._channel import Lines, channel_credentials, channel_options
from ._errors import ShieldError, UnavailableError, shield_error
from ._tls import Material, TlsCredentials
from .v1 import shield_pb2

logger = logging.getLogger("llm_shield")


class ShieldClient:
    """Calls an llm-shield server. Safe to use from several threads; close it, or use it in a `with`.

    `target` is `host:port` or any gRPC target (`dns:///shield.internal:8443` follows DNS). `on_unavailable` says what a
    decision is when the server gives none: "allow" or "block". `server_name` is the name that the server's certificate
    must have, where that is not the target's. `options` are further channel options of gRPC.
    """

    def __init__(
        self,
        target: str,
        credentials: TlsCredentials,
        *,
        on_unavailable: OnUnavailable,
        deadlines: Deadlines = Deadlines(),
        server_name: str | None = None,
        options: Iterable[tuple[str, Any]] = (),
    ) -> None:
        self._calls = Calls(on_unavailable, deadlines)
        given = [*channel_options(server_name), *options]

        def open(material: Material) -> grpc.Channel:
            return grpc.secure_channel(target, channel_credentials(material), given)

        self._lines: Lines[grpc.Channel] = Lines(credentials, credentials.read(), open, lambda channel: channel.close())

    def scan(self, contents: Contents, **options: Unpack[DecisionOptions]) -> ScanResult:
        """Finds injections, secrets, personal data and hidden text, and says what the policy asks for.

        Raises ShieldError, except where `on_unavailable` holds: then the answer says `unavailable`.
        """
        return self._unary(self._calls.scan(contents, options))

    def redact(self, contents: Contents, **options: Unpack[RedactOptions]) -> RedactResult:
        """Returns the contents with what the policy names replaced.

        Raises ShieldError, except where `on_unavailable` holds: then the answer says `unavailable`, and has the texts
        as they were ("allow") or none ("block").
        """
        return self._unary(self._calls.redact(contents, options))

    def restore(self, contents: Contents, **options: Unpack[RestoreOptions]) -> RestoreResult:
        """Undoes a reversible redaction. Raises ShieldError."""
        return self._unary(self._calls.restore(contents, options))

    def audit(self, **options: Unpack[AuditOptions]) -> Iterator[AuditRecord]:
        """Gives the decisions of the caller's tenant, as they arrive. Raises ShieldError while it is gone through."""
        return self._stream(self._calls.audit(options))

    def audit_proof(self, **options: Unpack[ProofOptions]) -> AuditProof:
        """Returns a Merkle proof that a record is in the log, or that the log only grew. Raises ShieldError."""
        return self._unary(self._calls.audit_proof(options))

    def verify_audit(self, **options: Unpack[RangeOptions]) -> Iterator[AuditVerification]:
        """Has the server check the tenant's log; the last one, with `done`, has the result. Raises ShieldError."""
        return self._stream(self._calls.verify_audit(options))

    def server_info(self, **options: Unpack[CallOptions]) -> ServerInfo:
        """Says what the server is, and who this client is to it. Raises ShieldError."""
        return self._unary(self._calls.server_info(options))

    def scan_stream(
        self, chunks: Iterable[str | bytes], **options: Unpack[StreamOptions]
    ) -> Iterator[Finding | Released | ScanResult]:
        """Scans a text that arrives in pieces: findings, how far it is safe, and the decision at the end.

        `on_unavailable` does not hold here: what was passed on already cannot be taken back. Raises ShieldError.
        """
        call = self._calls.scan_stream(options)
        return self._stream(call, itertools.chain([call.request], deltas(chunks, shield_pb2.ScanStreamRequest)))

    def redact_stream(
        self, chunks: Iterable[str | bytes], **options: Unpack[StreamOptions]
    ) -> Iterator[str | RedactResult]:
        """Redacts a text that arrives in pieces: pieces of the redacted text, and the decision at the end.

        `on_unavailable` does not hold here. Raises ShieldError.
        """
        call = self._calls.redact_stream(options)
        return self._stream(call, itertools.chain([call.request], deltas(chunks, shield_pb2.RedactStreamRequest)))

    def wait_ready(self, timeout: float = 10.0) -> None:
        """Connects, so that the first call's deadline is not spent on that. Raises UnavailableError."""
        line = self._lines.take()
        ready = grpc.channel_ready_future(line.channel)
        try:
            ready.result(timeout)
        except grpc.FutureTimeoutError:
            raise UnavailableError(grpc.StatusCode.UNAVAILABLE, "the server was not reached in time") from None
        finally:
            ready.cancel()
            self._lines.give_back(line)

    def reload(self) -> bool:
        """Looks at the certificates now, and says whether they have changed.

        Raises CredentialsError when what is there cannot be used; the client then goes on with what it has.
        """
        material = self._lines.changed()
        if material is not None:
            self._lines.install(material)
        return material is not None

    def close(self) -> None:
        """Ends the connections, and with them the calls that are under way."""
        for channel in self._lines.close():
            channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _unary(self, call: Call[Answer]) -> Answer:
        line = self._lines.take()
        try:
            method = getattr(line.stub, call.rpc)
            message = method(call.request, timeout=call.timeout, metadata=call.metadata)
        except grpc.RpcError as error:
            return gave_none(call, shield_error(error), error)
        finally:
            self._lines.give_back(line)
        return call.answer(message)

    def _stream(self, call: Call[Answer], requests: Iterator[Any] | None = None) -> Iterator[Answer]:
        line = self._lines.take()
        try:
            method = getattr(line.stub, call.rpc)
            sent = call.request if requests is None else requests
            messages = method(sent, timeout=call.timeout, metadata=call.metadata)
            try:
                for message in messages:
                    yield call.answer(message)
            except grpc.RpcError as error:
                raise shield_error(error) from error
            finally:
                messages.cancel()
        finally:
            self._lines.give_back(line)


def gave_none(call: Call[Answer], failed: ShieldError, cause: Exception) -> Answer:
    """Returns what stands for the answer to a call that failed, or raises why it did."""
    if call.fallback is None or not failed.is_unavailability:
        raise failed from cause
    answer = call.fallback(failed)
    logger.warning("%s gave no decision, on_unavailable holds: %s", call.rpc, failed)
    return answer
