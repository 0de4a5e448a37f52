"""What the conformance suite does not see: trace context, half characters, reload, and what cannot be used."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import shutil
from concurrent import futures
from datetime import datetime, timezone
from pathlib import Path

import grpc
import pytest
from conftest import PATIENT
from harness import CONFORMANCE, Harness

from llm_shield import (
    Action,
    Content,
    CredentialsError,
    ShieldClient,
    ShieldError,
    TlsCredentials,
    UnavailableError,
    as_dict,
    service_config,
)
from llm_shield._channel import channel_options
from llm_shield.v1 import shield_pb2, shield_pb2_grpc

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MAIL = "ada.lovelace@babbage-engines.com"


class Recorder(shield_pb2_grpc.ShieldServiceServicer):
    """A server of this process, to see what arrives; and the streams, whatever the real server has of them."""

    def __init__(self) -> None:
        self.metadata: dict[str, str] = {}
        self.texts: list[str] = []

    def Scan(self, request: shield_pb2.ScanRequest, context: grpc.ServicerContext) -> shield_pb2.ScanResponse:
        self.metadata = dict(context.invocation_metadata())
        self.texts = [content.text for content in request.contents]
        return shield_pb2.ScanResponse(action=shield_pb2.llm__shield_dot_v1_dot_types__pb2.ACTION_ALLOW)

    def RedactStream(self, requests, context):
        for request in requests:
            if request.WhichOneof("message") == "delta":
                yield shield_pb2.RedactStreamResponse(delta=request.delta.decode().upper())
        yield shield_pb2.RedactStreamResponse(summary=shield_pb2.RedactResponse(action=3))


@pytest.fixture
def recorder(harness: Harness):
    recorder = Recorder()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    shield_pb2_grpc.add_ShieldServiceServicer_to_server(recorder, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    credentials = TlsCredentials.from_directory(harness.clients["all"]["dir"])
    client = ShieldClient(f"127.0.0.1:{port}", credentials, on_unavailable="block", deadlines=PATIENT)
    # The same options, without the certificate that this server has none for.
    line = client._lines._line
    plain = grpc.insecure_channel(f"127.0.0.1:{port}")
    line.stub, old = shield_pb2_grpc.ShieldServiceStub(plain), line.channel
    yield recorder, client
    client.close()
    old.close()
    plain.close()
    server.stop(None)


def test_the_given_trace_context_is_sent(recorder) -> None:
    seen, client = recorder
    client.scan("x", trace_context={"traceparent": TRACEPARENT, "tracestate": "a=b"}, request_id="r-1")
    assert (seen.metadata["traceparent"], seen.metadata["tracestate"]) == (TRACEPARENT, "a=b")
    assert seen.metadata["x-request-id"] == "r-1"


@pytest.mark.parametrize("bad", ["", "00-xyz", "00-" + "0" * 32 + "-b7ad6b7169203331-01", TRACEPARENT.upper()])
def test_a_trace_context_that_is_none_is_refused(shield: ShieldClient, bad: str) -> None:
    with pytest.raises(ValueError, match="traceparent"):
        shield.scan("x", trace_context={"traceparent": bad})


def test_the_current_span_of_opentelemetry_is_sent(recorder) -> None:
    trace = pytest.importorskip("opentelemetry.trace")
    seen, client = recorder
    context = trace.SpanContext(
        trace_id=0x0AF7651916CD43DD8448EB211C80319C, span_id=0xB7AD6B7169203331, is_remote=False, trace_flags=1
    )
    with trace.use_span(trace.NonRecordingSpan(context)):
        client.scan("x")
    assert seen.metadata["traceparent"] == TRACEPARENT


def test_streams_send_pieces_and_give_pieces(recorder) -> None:
    _, client = recorder
    *pieces, summary = client.redact_stream(["abc", b"d"])
    assert pieces == ["ABC", "D"]
    assert summary.action is Action.REDACT


def test_calls_go_to_all_addresses_of_a_name_and_on_when_one_is_lost(harness: Harness) -> None:
    recorders, servers, ports = [Recorder(), Recorder()], [], []
    for one in recorders:
        server = grpc.server(futures.ThreadPoolExecutor(2))
        shield_pb2_grpc.add_ShieldServiceServicer_to_server(one, server)
        ports.append(server.add_insecure_port("127.0.0.1:0"))
        server.start()
        servers.append(server)
    credentials = TlsCredentials.from_directory(harness.clients["all"]["dir"])
    # What a name resolves to, as gRPC lets one write it.
    target = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
    with ShieldClient(target, credentials, on_unavailable="block", deadlines=PATIENT) as client:
        line = client._lines._line
        with grpc.insecure_channel(target, options=channel_options(None)) as plain:
            line.stub = shield_pb2_grpc.ShieldServiceStub(plain)
            while not all(one.texts for one in recorders):
                assert not client.scan("a").unavailable
            servers[0].stop(None).wait()
            assert not any(client.scan("b").unavailable for _ in range(20))
            assert recorders[1].texts == ["b"]
    servers[1].stop(None)


def test_half_characters_are_replaced_and_offsets_stay(shield: ShieldClient) -> None:
    text = f"\ud83d {MAIL} \udc00"
    (finding,) = shield.scan(text).findings
    assert finding.span.slice(text) == MAIL


def test_on_unavailable_has_no_default(harness: Harness) -> None:
    credentials = TlsCredentials.from_directory(harness.clients["all"]["dir"])
    with pytest.raises(TypeError):
        ShieldClient(harness.address, credentials)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="on_unavailable"):
        ShieldClient(harness.address, credentials, on_unavailable="maybe")  # type: ignore[arg-type]


def test_texts_are_neither_shown_nor_logged(shield: ShieldClient, caplog: pytest.LogCaptureFixture) -> None:
    text = f"canary-7f3a {MAIL}"
    with caplog.at_level(logging.DEBUG):
        shown = [repr(Content(text)), repr(shield.scan(text)), repr(shield.redact(text))]
        with pytest.raises(ShieldError) as raised:
            shield.scan(text, policy="no-such")
    assert not any("canary" in one for one in [*shown, repr(raised.value), str(raised.value), caplog.text])


def test_errors_survive_a_copy() -> None:
    error = UnavailableError(grpc.StatusCode.UNAVAILABLE, "away", reason="AUDIT_UNAVAILABLE", retry_delay=1.0)
    for copied in (copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert (copied.reason, copied.retry_delay, str(copied)) == (error.reason, 1.0, str(error))


def test_answers_become_plain_values(shield: ShieldClient) -> None:
    plain = as_dict(shield.scan(f"Write to {MAIL}"))
    assert json.loads(json.dumps(plain))["action"] == "REDACT"
    assert plain["findings"][0]["severity"] in ("LOW", "MEDIUM", "HIGH")


def test_times_need_their_zone(shield: ShieldClient) -> None:
    with pytest.raises(ValueError, match="zone"):
        shield.audit(start=datetime(2026, 1, 1))
    assert list(shield.audit(start=datetime(2100, 1, 1, tzinfo=timezone.utc))) == []


def test_the_service_config_is_the_published_one() -> None:
    published = (CONFORMANCE.parent / "service-config.json").read_text(encoding="utf-8")
    assert service_config() == published


def test_a_closed_client_says_so(harness: Harness) -> None:
    credentials = TlsCredentials.from_directory(harness.clients["all"]["dir"])
    client = ShieldClient(harness.address, credentials, on_unavailable="block")
    client.wait_ready(30)
    client.close()
    client.close()
    with pytest.raises(ValueError, match="closed"):
        client.scan("x")


def test_a_stream_goes_on_across_a_reload(harness: Harness, tmp_path: Path) -> None:
    for name in ("ca.crt", "tls.crt", "tls.key"):
        shutil.copy(Path(harness.clients["all"]["dir"]) / name, tmp_path)
    credentials = TlsCredentials.from_directory(tmp_path)
    with ShieldClient(harness.address, credentials, on_unavailable="block", deadlines=PATIENT) as client:
        for _ in range(3):
            client.scan("hello")
        records = client.audit()
        next(records)
        for name in ("tls.crt", "tls.key"):
            shutil.copy(Path(harness.clients["app"]["dir"]) / name, tmp_path)
        assert client.reload() is True
        assert client.server_info().principal == "app"
        assert len(list(records)) >= 2
        assert not client._lines._old
        assert client.reload() is False


def test_what_cannot_be_used_leaves_what_is_there(harness: Harness, tmp_path: Path) -> None:
    for name in ("ca.crt", "tls.crt", "tls.key"):
        shutil.copy(Path(harness.clients["all"]["dir"]) / name, tmp_path)
    credentials = TlsCredentials.from_directory(tmp_path, interval=0)
    with ShieldClient(harness.address, credentials, on_unavailable="block", deadlines=PATIENT) as client:
        shutil.copy(Path(harness.clients["app"]["dir"]) / "tls.key", tmp_path)
        with pytest.raises(CredentialsError, match="do not belong together"):
            client.reload()
        assert client.scan("hello").allowed
        (tmp_path / "ca.crt").write_text("nothing")
        with pytest.raises(CredentialsError, match="authority"):
            client.reload()
        (tmp_path / "ca.crt").unlink()
        with pytest.raises(CredentialsError, match="cannot read"):
            client.reload()
        assert client.server_info().principal == "all"
