"""A WebSocket client on a raw socket, which costs little of what a bench measures.

What it sends is masked with zeros. The server sends no fragments below 32 KB.
"""

import re
import socket

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class RawWebSocket:
    """A connection. `rest` is what was received and not yet taken as frames."""

    def __init__(self, url, timeout=30):
        """Asks for a connection and does not wait for the answer."""
        host, port, path = re.fullmatch(r"ws://([^:/]+):(\d+)(/.*)?", url).groups()
        self.rest, self.is_open = b"", False
        self.socket = socket.create_connection((host, int(port)), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(
            f"GET {path or '/'} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )

    def opened(self):
        """Waits until the connection is open."""
        while not self.is_open:
            assert self.receive(), f"the handshake was closed: {self.rest!r}"
        return self

    def receive(self, size=1 << 18):
        """Takes in what has come; false when the other side has ended the connection."""
        data = self.socket.recv(size)
        self.rest += data
        if not self.is_open and b"\r\n\r\n" in self.rest:
            head, _, rest = self.rest.partition(b"\r\n\r\n")
            if b" 101 " not in head.split(b"\r\n")[0]:
                raise ConnectionRefusedError(head.decode(errors="replace").splitlines()[0])
            self.rest, self.is_open = rest, True
        return bool(data)

    def frames(self):
        """Kind and content of every whole frame that was received."""
        while self.is_open and len(self.rest) >= 2:
            data = self.rest
            kind, size, at = data[0] & 15, data[1] & 127, 2
            if size == 126:
                size, at = int.from_bytes(data[2:4], "big"), 4
            elif size == 127:
                size, at = int.from_bytes(data[2:10], "big"), 10
            if len(data) < at + size:
                return
            self.rest = data[at + size :]
            yield kind, data[at : at + size]

    def say(self, text):
        self.send(TEXT, text.encode())

    def send(self, kind, body):
        size = len(body)
        head = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
        self.socket.sendall(bytes([0x80 | kind]) + head + bytes(4) + body)
