# SPDX-License-Identifier: Apache-2.0
"""The least of HTTP/2 over TLS to attack a gRPC server with: frames as they are written (RFC 9113), headers
as literals without a table (RFC 7541 s.6.2.2). Standard library only."""
import socket
import ssl
import struct

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
SETTINGS_INITIAL_WINDOW_SIZE = 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name, value):
    return b"\0" + integer(len(name)) + name + integer(len(value)) + value


def integer(number):
    """With a prefix of seven bits."""
    if number < 127:
        return bytes([number])
    number -= 127
    out = b"\x7f"
    while number >= 128:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def call_headers(method, extra=()):
    """The header block of a gRPC call, for example of "/kluis.v1.VaultService/GetVaultStatus"."""
    fields = [(b":method", b"POST"), (b":scheme", b"https"), (b":path", method.encode()),
              (b":authority", b"localhost"), (b"te", b"trailers"), (b"content-type", b"application/grpc")]
    return b"".join(literal(name, value) for name, value in fields + list(extra))


def message(payload):
    return struct.pack(">BI", 0, len(payload)) + payload


class Connection:
    """A TLS connection that speaks HTTP/2. `source`: the loopback address to come from."""

    def __init__(self, port, certificate=None, source="127.0.0.1", window=65535, timeout=10):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # an attacker does not ask who it attacks
        context.set_alpn_protocols(["h2"])
        if certificate:
            context.load_cert_chain(certificate + ".crt", certificate + ".key")
        raw = socket.create_connection(("127.0.0.1", port), timeout, (source, 0))
        try:
            self.socket = context.wrap_socket(raw)
        except BaseException:
            raw.close()
            raise
        self.stream = 1
        self.received = b""
        settings = struct.pack(">HI", SETTINGS_INITIAL_WINDOW_SIZE, window)
        self.send(PREFACE + frame(SETTINGS, 0, 0, settings))

    def send(self, data):
        self.socket.sendall(data)

    def next_stream(self):
        self.stream += 2
        return self.stream - 2

    def call(self, method, payload=None, extra=(), end=True):
        """Begins a call; `payload` is its one message. Returns the stream's number."""
        stream = self.next_stream()
        data = frame(HEADERS, END_HEADERS | (END_STREAM if end and payload is None else 0), stream,
                     call_headers(method, extra))
        if payload is not None:
            data += frame(DATA, END_STREAM if end else 0, stream, message(payload))
        self.send(data)
        return stream

    def frames(self):
        """Frames as they come, (kind, flags, stream, payload), until the other side closes or is silent."""
        while True:
            while len(self.received) < 9 or len(self.received) < 9 + int.from_bytes(self.received[:3], "big"):
                try:
                    more = self.socket.recv(65536)
                except OSError:
                    return
                if not more:
                    return
                self.received += more
            size = int.from_bytes(self.received[:3], "big")
            kind, flags, stream = struct.unpack(">BBI", self.received[3:9])
            payload, self.received = self.received[9:9 + size], self.received[9 + size:]
            if kind == SETTINGS and not flags & ACK:
                self.send(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                self.send(frame(PING, ACK, 0, payload))
            yield kind, flags, stream & 0x7FFFFFFF, payload

    def answer(self, stream):
        """All header bytes of the stream, once it ended; None: it never did."""
        headers = b""
        for kind, flags, of, payload in self.frames():
            if of != stream:
                continue
            if kind in (HEADERS, CONTINUATION):
                headers += payload
            if kind == RST_STREAM:
                return None
            if flags & END_STREAM and kind in (HEADERS, DATA):
                return headers
        return None

    def close(self):
        try:
            self.socket.close()
        except OSError:
            pass
