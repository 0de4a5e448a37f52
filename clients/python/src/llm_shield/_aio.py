"""The asynchronous client: `ShieldClient` for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from types import TracebackType
from typing import Any

import grpc
import grpc.aio
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
from ._channel import Line, Lines, channel_credentials, channel_options
from ._client import gave_none
from ._errors import UnavailableError, shield_error
from ._tls import Material, TlsCredentials
from .v1 import shield_pb2

CLOSE_GRACE_SECONDS = 1.0


class AsyncShieldClient:
    """Calls an llm-shield server from asyncio; arguments as of `ShieldClient`.

    It belongs to the event loop that first uses it, and connects then. Close it, or use it in an `async with`.
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
        self._target = target
        self._credentials = credentials
        self._options = [*channel_options(server_name), *options]
        self._lines: Lines[grpc.aio.Channel] | None = None
        self._opening = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    async def scan(self, contents: Contents, **options: Unpack[DecisionOptions]) -> ScanResult:
        """See `ShieldClient.scan`."""
        return await self._unary(self._calls.scan(contents, options))

    async def redact(self, contents: Contents, **options: Unpack[RedactOptions]) -> RedactResult:
        """See `ShieldClient.redact`."""
        return await self._unary(self._calls.redact(contents, options))

    async def restore(self, contents: Contents, **options: Unpack[RestoreOptions]) -> RestoreResult:
        """See `ShieldClient.restore`."""
        return await self._unary(self._calls.restore(contents, options))

    def audit(self, **options: Unpack[AuditOptions]) -> AsyncIterator[AuditRecord]:
        """See `ShieldClient.audit`."""
        return self._stream(self._calls.audit(options))

    async def audit_proof(self, **options: Unpack[ProofOptions]) -> AuditProof:
        """See `ShieldClient.audit_proof`."""
        return await self._unary(self._calls.audit_proof(options))

    def verify_audit(self, **options: Unpack[RangeOptions]) -> AsyncIterator[AuditVerification]:
        """See `ShieldClient.verify_audit`."""
        return self._stream(self._calls.verify_audit(options))

    async def server_info(self, **options: Unpack[CallOptions]) -> ServerInfo:
        """See `ShieldClient.server_info`."""
        return await self._unary(self._calls.server_info(options))

    def scan_stream(
        self, chunks: AsyncIterable[str | bytes] | Iterable[str | bytes], **options: Unpack[StreamOptions]
    ) -> AsyncIterator[Finding | Released | ScanResult]:
        """See `ShieldClient.scan_stream`."""
        call = self._calls.scan_stream(options)
        return self._stream(call, _requests(call, chunks, shield_pb2.ScanStreamRequest))

    def redact_stream(
        self, chunks: AsyncIterable[str | bytes] | Iterable[str | bytes], **options: Unpack[StreamOptions]
    ) -> AsyncIterator[str | RedactResult]:
        """See `ShieldClient.redact_stream`."""
        call = self._calls.redact_stream(options)
        return self._stream(call, _requests(call, chunks, shield_pb2.RedactStreamRequest))

    async def wait_ready(self, timeout: float = 10.0) -> None:
        """Connects, so that the first call's deadline is not spent on that. Raises UnavailableError."""
        lines, line = await self._take()
        try:
            await asyncio.wait_for(line.channel.channel_ready(), timeout)
        except asyncio.TimeoutError:
            raise UnavailableError(grpc.StatusCode.UNAVAILABLE, "the server was not reached in time") from None
        finally:
            lines.give_back(line)

    async def reload(self) -> bool:
        """See `ShieldClient.reload`."""
        lines = await self._open()
        material = await asyncio.to_thread(lines.changed)
        if material is not None:
            lines.install(material)
        return material is not None

    async def close(self) -> None:
        """Ends the connections; calls that are under way have a second."""
        channels = [] if self._lines is None else self._lines.close()
        await asyncio.gather(*(channel.close(CLOSE_GRACE_SECONDS) for channel in channels), *self._closing)

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _open(self) -> Lines[grpc.aio.Channel]:
        async with self._opening:
            if self._lines is None:
                loop = asyncio.get_running_loop()

                def open(material: Material) -> grpc.aio.Channel:
                    credentials = channel_credentials(material)
                    return grpc.aio.secure_channel(self._target, credentials, options=self._options)

                material = await asyncio.to_thread(self._credentials.read)
                self._lines = Lines(self._credentials, material, open, self._close_soon, loop.call_soon_threadsafe)
            return self._lines

    def _close_soon(self, channel: grpc.aio.Channel) -> None:
        task = asyncio.ensure_future(channel.close(CLOSE_GRACE_SECONDS))
        # The loop itself holds tasks weakly.
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _take(self) -> tuple[Lines[grpc.aio.Channel], Line[grpc.aio.Channel]]:
        lines = self._lines or await self._open()
        return lines, lines.take()

    async def _unary(self, call: Call[Answer]) -> Answer:
        lines, line = await self._take()
        try:
            method = getattr(line.stub, call.rpc)
            message = await method(call.request, timeout=call.timeout, metadata=call.metadata)
        except grpc.aio.AioRpcError as error:
            return gave_none(call, shield_error(error), error)
        finally:
            lines.give_back(line)
        return call.answer(message)

    async def _stream(self, call: Call[Answer], requests: AsyncIterator[Any] | None = None) -> AsyncIterator[Answer]:
        lines, line = await self._take()
        try:
            method = getattr(line.stub, call.rpc)
            sent = call.request if requests is None else requests
            messages = method(sent, timeout=call.timeout, metadata=call.metadata)
            ending = _Ending(messages)
            try:
                async for message in messages:
                    yield call.answer(message)
            except grpc.aio.AioRpcError as error:
                raise shield_error(ending.cause(error)) from error
            finally:
                messages.cancel()
        finally:
            lines.give_back(line)


class _Ending:
    """What a stream ended with.

    When a piece cannot be sent since the server has ended the call, gRPC writes INTERNAL over what the server said. So
    the status is noted when it comes.
    """

    def __init__(self, messages: Any) -> None:
        self._first: tuple[Any, Any, Any] | None = None
        messages.add_done_callback(self._note)

    def _note(self, call: Any) -> None:
        self._first = (_ready(call.code()), _ready(call.trailing_metadata()), _ready(call.details()))

    def cause(self, error: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError:
        """Returns what the server said, where an error is gRPC's own about a piece."""
        if error.code() is not grpc.StatusCode.INTERNAL or error.trailing_metadata() or self._first is None:
            return error
        code, trailing, details = self._first
        if code in (None, grpc.StatusCode.OK, grpc.StatusCode.INTERNAL):
            return error
        return grpc.aio.AioRpcError(code, error.initial_metadata(), trailing, details)


def _ready(coroutine: Any) -> Any:
    """Returns the result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    return None


async def _requests(
    call: Call[Any], chunks: AsyncIterable[str | bytes] | Iterable[str | bytes], message: type
) -> AsyncIterator[Any]:
    yield call.request
    if isinstance(chunks, AsyncIterable):
        async for chunk in chunks:
            for delta in deltas([chunk], message):
                yield delta
    else:
        for delta in deltas(chunks, message):
            yield delta
