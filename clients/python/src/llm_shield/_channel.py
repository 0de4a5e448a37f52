"""Channels: their options, and the change to a new one when the certificate has changed.

gRPC fixes a channel's credentials when it is made. So a change of them means another channel: new calls take it, the
old one is closed when its last call has ended.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from importlib import resources
from typing import Any, Generic, TypeVar

import grpc
import grpc.aio

from ._tls import CredentialsError, Material, TlsCredentials
from .v1.shield_pb2_grpc import ShieldServiceStub

logger = logging.getLogger("llm_shield")

KEEPALIVE_MS = 30_000
KEEPALIVE_TIMEOUT_MS = 10_000
# gRPC's own longest wait is 2 minutes: a server that was away for long would stay away for as long again.
MAX_RECONNECT_MS = 5_000
FIRST_RECONNECT_MS = 200
MAX_ANSWER_BYTES = 64 << 20

AnyChannel = TypeVar("AnyChannel", grpc.Channel, grpc.aio.Channel)


def service_config() -> str:
    """Returns the published service config of all clients, `clients/service-config.json`."""
    return resources.files(__package__).joinpath("service-config.json").read_text(encoding="utf-8")


def channel_options(server_name: str | None) -> list[tuple[str, Any]]:
    """Returns the options of every channel."""
    options: list[tuple[str, Any]] = [
        ("grpc.service_config", service_config()),
        ("grpc.enable_retries", 1),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        ("grpc.keepalive_permit_without_calls", 0),
        ("grpc.initial_reconnect_backoff_ms", FIRST_RECONNECT_MS),
        ("grpc.max_reconnect_backoff_ms", MAX_RECONNECT_MS),
        ("grpc.dns_min_time_between_resolutions_ms", MAX_RECONNECT_MS),
        # How large a request may be is the server's to say: it names its limit.
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", MAX_ANSWER_BYTES),
        # Not shared with other channels of this process, which may have another certificate.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if server_name is not None:
        options.append(("grpc.ssl_target_name_override", server_name))
    return options


def channel_credentials(material: Material) -> grpc.ChannelCredentials:
    """Returns gRPC's form of the certificates."""
    return grpc.ssl_channel_credentials(material.ca, material.key, material.cert)


class Line(Generic[AnyChannel]):
    """A channel with the calls that are under way on it."""

    def __init__(self, channel: AnyChannel, material: Material) -> None:
        self.channel = channel
        self.material = material
        self.stub = ShieldServiceStub(channel)  # type: ignore[no-untyped-call]
        self.calls = 0
        self.left = False


class Lines(Generic[AnyChannel]):
    """The line that calls take now, and those that only wait for their last call.

    It begins with `material`; `open` makes a channel of certificates, `close` ends one, `run` runs what touches
    channels where that is allowed. Safe to use from several threads.
    """

    def __init__(
        self,
        credentials: TlsCredentials,
        material: Material,
        open: Callable[[Material], AnyChannel],
        close: Callable[[AnyChannel], None],
        run: Callable[[Callable[[], None]], object] = lambda install: install(),
    ) -> None:
        self._credentials = credentials
        self._open = open
        self._close = close
        self._run = run
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._line: Line[AnyChannel] = Line(open(material), material)
        self._old: set[Line[AnyChannel]] = set()
        self._due = time.monotonic() + credentials.interval
        self._closed = False

    def take(self) -> Line[AnyChannel]:
        """Returns the line for a call, which must be given back."""
        self._look_when_due()
        with self._lock:
            if self._closed:
                raise ValueError("the client is closed")
            self._line.calls += 1
            return self._line

    def give_back(self, line: Line[AnyChannel]) -> None:
        """Ends a call."""
        with self._lock:
            line.calls -= 1
            ended = line.left and line.calls == 0
            if ended:
                self._old.discard(line)
        if ended:
            self._close(line.channel)

    def changed(self) -> Material | None:
        """Looks at the certificates now, and returns them when they have changed.

        Raises CredentialsError when what is there cannot be used; the client then goes on with what it has.
        """
        with self._looking:
            self._due = time.monotonic() + self._credentials.interval
            material = self._credentials.read()
            return None if material == self._line.material else material

    def install(self, material: Material) -> None:
        """Leads further calls to a channel with these certificates."""
        new = Line(self._open(material), material)
        with self._lock:
            old, self._line = self._line, new
            old.left = True
            idle = old.calls == 0
            if not idle:
                self._old.add(old)
        if idle:
            self._close(old.channel)
        logger.info("the client certificate was reloaded")

    def close(self) -> list[AnyChannel]:
        """Refuses further calls, and returns the channels that are to be closed."""
        with self._lock:
            if self._closed:
                return []
            self._closed = True
            return [self._line.channel, *(line.channel for line in self._old)]

    def _look_when_due(self) -> None:
        if time.monotonic() < self._due or self._looking.locked():
            return
        # Said at once, so that the calls that come meanwhile do not look, too.
        self._due = time.monotonic() + self._credentials.interval
        if self._credentials.blocking:
            threading.Thread(target=self._look, name="llm-shield-reload", daemon=True).start()
        else:
            self._look()

    def _look(self) -> None:
        try:
            material = self.changed()
        except CredentialsError as error:
            logger.warning("the client certificate cannot be reloaded, the one before stays in use: %s", error)
            return
        if material is not None:
            self._run(lambda: self.install(material))
