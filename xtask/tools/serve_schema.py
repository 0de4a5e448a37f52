"""Serves the extract of the provider's schema to Terraform, which then validates and runs mocked tests without the provider.

    serve_schema.py EXTRACT    says where it listens, and serves until it is killed

It speaks as much of version 5 of Terraform's plugin protocol as these need: the schema, and consent to every value. What
the extract does not have is served as it does the least harm: each nested block is a list, and what need not be set is
computed.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

LIST = 2
# By the numbers of the fields in tfplugin5.proto.
PROVIDER, RESOURCES, DATA = 1, 2, 3


def varint(value: int) -> bytes:
    """Encodes a number."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def number(field: int, value: int) -> bytes:
    """Encodes a field with a number."""
    return varint(field << 3) + varint(value)


def message(field: int, value: bytes) -> bytes:
    """Encodes a field with a text or another message."""
    return varint(field << 3 | 2) + varint(len(value)) + value


def attribute(name: str, known: dict, *, computed: bool) -> bytes:
    """Encodes what an attribute takes."""
    required, optional = known.get("required", False), known.get("optional", False)
    return (
        message(1, name.encode()) + message(2, json.dumps(known["type"]).encode())
        + number(4, required) + number(5, optional) + number(6, computed and not required)
    )


def nested(name: str, known: dict, *, computed: bool) -> bytes:
    """Encodes what a nested block takes, and how often it may stand."""
    return (
        message(1, name.encode()) + message(2, block(known["block"], computed=computed)) + number(3, LIST)
        + number(4, known["min_items"]) + number(5, known["max_items"])
    )


def block(known: dict, *, computed: bool = True) -> bytes:
    """Encodes what a block takes."""
    attributes = known.get("attributes", {}).items()
    blocks = [(name, below) for name, below in known.get("blocks", {}).items() if not below.get("unused")]
    return b"".join(
        [message(2, attribute(name, below, computed=computed)) for name, below in attributes]
        + [message(3, nested(name, below, computed=computed)) for name, below in blocks],
    )


def schema(extract: dict) -> bytes:
    """Encodes the answer to GetSchema."""
    def entries(field: int, of: dict) -> list[bytes]:
        return [message(field, message(1, name.encode()) + message(2, message(2, block(known)))) for name, known in of.items()]

    provider = message(PROVIDER, message(2, block(extract["provider"], computed=False)))
    return b"".join([provider, *entries(RESOURCES, extract["resources"]), *entries(DATA, extract["data"])])


class Provider(grpc.GenericRpcHandler):
    """Answers with bytes; no call needs more than these."""

    def __init__(self, extract: dict) -> None:
        served = schema(extract)
        self.answers = {
            "GetSchema": lambda _: served,
            # The configuration that was sent, in the field in which it came.
            "PrepareProviderConfig": lambda request: request,
            "ValidateResourceTypeConfig": lambda _: b"",
            "ValidateDataSourceConfig": lambda _: b"",
            "Configure": lambda _: b"",
            "Stop": lambda _: b"",
        }

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Finds what answers a call."""
        answer = self.answers.get(details.method.rpartition("/")[2])
        return answer and grpc.unary_unary_rpc_method_handler(lambda request, _: answer(request))


def main() -> None:
    """Serves the extract that is named."""
    extract = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Provider(extract),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
