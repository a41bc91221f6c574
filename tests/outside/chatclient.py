"""A chat client of Python's `websockets`, which nobody of this project wrote."""

import json
import time

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

PATIENCE = 20


class Client:
    """One connection. Frames that were read over are kept in `seen`."""

    def __init__(self, url: str, **options):
        self.connection = connect(url, open_timeout=PATIENCE, proxy=None, **options)
        self.socket = self.connection.__enter__()
        self.seen: list[dict] = []

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *failure) -> None:
        self.connection.__exit__(*failure)

    def send(self, action: str, **more) -> "Client":
        self.socket.send(json.dumps({"action": action, **more}))
        return self

    def gets(self, **wanted) -> dict:
        """Reads on until a frame holds these keys and values; `...` stands for any value."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                text = self.socket.recv(timeout=max(0.0, end - time.monotonic()))
            except TimeoutError:
                raise AssertionError(f"no frame with {wanted} came, but {self.seen}") from None
            frame = json.loads(text)
            self.seen.append(frame)
            if all(key in frame and value in (..., frame[key]) for key, value in wanted.items()):
                return frame

    def refused(self, code: str) -> dict:
        """Reads on until this refusal comes."""
        while True:
            error = self.gets(error=...)["error"]
            if error["code"] == code:
                return error

    def joins(self, name: str) -> "Client":
        self.send("setName", name=name)
        self.gets(systemMessage=f"{name} has joined the chat")
        return self

    def is_closed(self) -> tuple[int, str]:
        """Reads on until the other side has closed; code and reason."""
        end = time.monotonic() + PATIENCE
        try:
            while True:
                self.socket.recv(timeout=max(0.0, end - time.monotonic()))
        except ConnectionClosed as closed:
            return closed.rcvd.code, closed.rcvd.reason
