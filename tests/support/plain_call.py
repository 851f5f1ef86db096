"""A gRPC call in plain text with any metadata, as a program of another version makes it. HTTP/2 by hand."""
import socket

_DATA, _HEADERS, _SETTINGS = 0, 1, 4
_END_STREAM, _END_HEADERS = 1, 4


def _frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def _header(name, value):
    """A literal that no table remembers."""
    return b"\0" + b"".join(bytes((len(text),)) + text.encode() for text in (name, value))


def call(address, method, metadata):
    """The trailers' bytes of a call with an empty message: gRPC writes `grpc-status` and `grpc-message` as they are."""
    host, port = address.rsplit(":", 1)
    headers = {":method": "POST", ":scheme": "http", ":path": f"/vecferry.v1.{method}", ":authority": address,
               "content-type": "application/grpc", "te": "trailers", **metadata}
    with socket.create_connection((host, int(port)), timeout=30) as connection, connection.makefile("rb") as answers:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(_SETTINGS, 0, 0, b"") +
                           _frame(_HEADERS, _END_HEADERS, 1, b"".join(_header(*pair) for pair in headers.items())) +
                           _frame(_DATA, _END_STREAM, 1, bytes(5)))
        while True:
            head = answers.read(9)
            if len(head) < 9:
                raise AssertionError(f"{address} closed the connection")
            payload = answers.read(int.from_bytes(head[:3], "big"))
            if head[3] == _HEADERS and head[4] & _END_STREAM:
                return payload
