"""A request that never ends: the least of HTTP/2 that a call needs whose message does not come."""

from __future__ import annotations

import socket
import ssl
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING = 0, 1, 4, 6
END_STREAM, END_HEADERS, ACK = 1, 4, 1
EMPTY_MESSAGE = bytes(5)
# SETTINGS_INITIAL_WINDOW_SIZE of 0: the server may send no data.
NO_WINDOW = struct.pack(">HI", 4, 0)


def open_request(address: str, files: dict, rpc: str) -> ssl.SSLSocket:
    """Begins a request and returns the connection that holds it; closing that ends it.

    Of an `Audit` the answer is not read, of anything else the message does not come.
    """
    host, port = address.rsplit(":", 1)
    context = ssl.create_default_context(cafile=files["ca"])
    context.load_cert_chain(files["cert"], files["key"])
    context.set_alpn_protocols(["h2"])
    connection = context.wrap_socket(
        socket.create_connection((host, int(port)), timeout=60), server_hostname="localhost"
    )
    headers = b"".join(
        literal(name, value)
        for name, value in [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", address),
            (":path", f"/llm_shield.v1.ShieldService/{rpc}"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
        ]
    )
    message = frame(DATA, END_STREAM, 1, EMPTY_MESSAGE) if rpc == "Audit" else b""
    connection.sendall(
        PREFACE
        + frame(SETTINGS, 0, 0, NO_WINDOW)
        + frame(HEADERS, END_HEADERS, 1, headers)
        + message
        + frame(PING, 0, 0, b"occupied")
    )
    # An Audit that is being answered has sent its headers; of a Scan only the answer to the ping can be waited for.
    awaited = (HEADERS, 1) if rpc == "Audit" else (PING, 0)
    while True:
        size, kind, flags, stream = struct.unpack(">IBBI", b"\0" + read(connection, 9))
        read(connection, size)
        if kind == HEADERS and flags & END_STREAM:
            raise RuntimeError("the server refused the request")
        if (kind, stream) == awaited:
            return connection


def read(connection: ssl.SSLSocket, size: int) -> bytes:
    """Reads so many bytes."""
    content = b""
    while len(content) < size:
        piece = connection.recv(size - len(content))
        if not piece:
            raise RuntimeError("the server closed the connection")
        content += piece
    return content


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Returns a frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name: str, value: str) -> bytes:
    """Returns a header field that uses neither tables nor Huffman's code (RFC 7541, section 6.2.2)."""
    return b"\0" + b"".join(bytes([len(part)]) + part.encode() for part in (name, value))
