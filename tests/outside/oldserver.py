"""A chat server that knows only the first keys of the wire protocol, like the page's first server.

It checks the page where a deployed chat cannot be made to misbehave: silence, loss, hostile text, time.
"""

import json
import threading

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve


class OldServer:
    """One room. `heard` holds (connection number, message) in order."""

    def __init__(self, pongs: bool = False):
        self.pongs = pongs
        self.refusals = 0  # so many names are refused as taken
        self.deaf = 0  # so many messages are taken and go nowhere
        self.heard: list[tuple[int, dict]] = []
        self.opened = 0
        self.peers: dict = {}
        self.changed = threading.Condition()
        self.server = serve(self._talk, "127.0.0.1", 0)
        self.port = self.server.socket.getsockname()[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/production"

    def __enter__(self) -> "OldServer":
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.cut()

    def wait(self, wanted, timeout: float = 20):
        with self.changed:
            assert self.changed.wait_for(lambda: wanted(self), timeout), self.heard
            return self

    def cut(self) -> None:
        """Every connection is gone, with no goodbye."""
        for peer in list(self.peers):
            peer.socket.shutdown(2)

    def say(self, frame) -> None:
        text = frame if isinstance(frame, str) else json.dumps(frame)
        for peer in list(self.peers):
            peer.send(text)

    def names(self) -> list[str]:
        return [name for name in self.peers.values() if name]

    def _talk(self, peer) -> None:
        with self.changed:
            self.opened += 1
            number = self.opened
            self.peers[peer] = None
            self.changed.notify_all()
        try:
            for text in peer:
                message = json.loads(text)
                with self.changed:
                    self.heard.append((number, message))
                    self._answer(peer, message)
                    self.changed.notify_all()
        except ConnectionClosed:
            pass
        with self.changed:
            name = self.peers.pop(peer)
            if name:
                self._all({"systemMessage": f"{name} has left the chat"})
                self._all({"members": self.names()})
            self.changed.notify_all()

    def _answer(self, peer, message: dict) -> None:
        name = self.peers[peer]
        action = message["action"]
        if action == "setName" and self.refusals:
            self.refusals -= 1
            self._send(peer, {"error": {"code": "name_taken", "message": "taken"}})
        elif action == "setName":
            self.peers[peer] = message["name"]
            self._all({"members": self.names()})
            self._all({"systemMessage": f"{message['name']} has joined the chat"})
        elif self.deaf and action.startswith("send"):
            self.deaf -= 1
        elif action == "sendPublic":
            self._all({"publicMessage": f"{name}: {message['message']}"})
        elif action == "sendPrivate":
            for other, their in self.peers.items():
                if their == message["to"]:
                    self._send(other, {"privateMessage": f"{name}: {message['message']}"})
        elif action == "ping" and self.pongs:
            self._send(peer, {"pong": 1})

    def _all(self, frame: dict) -> None:
        for peer, name in self.peers.items():
            if name:
                self._send(peer, frame)

    @staticmethod
    def _send(peer, frame: dict) -> None:
        try:
            peer.send(json.dumps(frame))
        except ConnectionClosed:
            pass
