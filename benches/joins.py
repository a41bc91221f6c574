"""How long a crowd takes to join: N clients set a name at once, on a chat that `chatctl local` serves.

    cargo build --release && python benches/joins.py [PROGRAM] [N ...]

One line of JSON for each N (default 50, 200 and 300). Every client is connected before the first one
sends, so only `setName` is measured:

- named: until the last client knows that it has its name (a frame that names it as joined or as a member)
- complete: until every client's list of members, the last one received with all `joined` after it, is whole
- unsure: clients whose list was not whole in the end
- frames: frames received by all clients, the least that one of them received, and lists among them
- refused: error frames, and answers of API Gateway itself such as "Endpoint request timed out"
- cpu: processor seconds of the server and its functions

`SOURCE` names the folder of another function than the one in the program, such as an older one.
The clients are raw sockets in one process, so that they cost little of what is measured.
"""

import json
import os
import pathlib
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from raw_websocket import TEXT, RawWebSocket

ROOT = pathlib.Path(__file__).resolve().parents[1]
LIMIT = 30
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CHATCTL_"))}


class Client:
    """A WebSocket client that keeps what it knows of the members."""

    def __init__(self, url, name):
        self.name = name
        self.named, self.members, self.frames, self.lists, self.refused = False, set(), 0, 0, []
        self.pages = {}
        self.connection = RawWebSocket(url, LIMIT).opened()
        self.socket = self.connection.socket

    def join(self):
        self.connection.say(json.dumps({"action": "setName", "name": self.name}))

    def read(self):
        """Takes in what has come."""
        self.connection.receive(1 << 20)
        for kind, text in self.connection.frames():
            if kind == TEXT:
                self.take(text)

    def take(self, text):
        frame = json.loads(text)
        self.frames += 1
        if "error" in frame or "requestId" in frame:
            self.refused.append(frame.get("error", {}).get("code") or frame.get("message"))
        if "members" in frame:
            self.list(frame)
        self.members.update(frame.get("joined", ()))
        self.members.difference_update(frame.get("left", ()))
        self.named = self.named or self.name in self.members

    def list(self, frame):
        self.lists += 1
        pages = self.pages.setdefault(frame["id"], {})
        pages[frame.get("page", 1)] = frame["members"]
        if len(pages) == frame.get("pages", 1):
            self.members = {name for page in self.pages.pop(frame["id"]).values() for name in page}


def crowd(url, count):
    """Joins `count` clients at once and waits until all know all."""
    clients = [Client(url, f"guest-{n}-of-{count}") for n in range(count)]
    everybody = {client.name for client in clients}
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
    began, named, complete = time.monotonic(), None, None
    for client in clients:
        client.join()
    nameless, unsure = set(clients), set(clients)
    while time.monotonic() - began < LIMIT and (unsure or time.monotonic() - complete < 1):
        for key, _ in selector.select(0.1):
            client = key.data
            client.read()
            if client.named:
                nameless.discard(client)
            (unsure.discard if client.members == everybody else unsure.add)(client)
        now = time.monotonic() - began
        named = named or (now if not nameless else None)
        complete = now + began if not unsure and complete is None else None if unsure else complete
    selector.close()
    for client in clients:
        client.socket.close()
    refused = [code for client in clients for code in client.refused]
    return {
        "joins": count,
        "named": named and round(named, 2),
        "complete": complete and round(complete - began, 2),
        "frames": sum(c.frames for c in clients),
        "unsure": len(unsure),
        "least": min(c.frames for c in clients),
        "lists": sum(c.lists for c in clients),
        "refused": {code: refused.count(code) for code in set(refused)},
    }


def ticks(group):
    """Processor seconds of all processes below this one, ended ones included as far as they were waited for."""
    total, parents = 0, {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            after = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(folder.name)] = (int(after[1]), sum(map(int, after[11:15])))
    for pid, (_, spent) in parents.items():
        up = pid
        while up not in (0, group):
            up = parents.get(up, (0, 0))[0]
        total += spent if up == group else 0
    return total / os.sysconf("SC_CLK_TCK")


def main():
    words = sys.argv[1:]
    named = words.pop(0) if words and not words[0].isdigit() else ROOT / "target/release/chatctl"
    program = str(pathlib.Path(named).resolve())
    folder = tempfile.mkdtemp()
    if "SOURCE" in os.environ:
        source = str(pathlib.Path(os.environ["SOURCE"]).resolve())
        pathlib.Path(folder, "chatctl.toml").write_text(f"[function]\nsource = {json.dumps(source)}\n")
    server = subprocess.Popen(
        [program, "local", "--no-deploy", "--port", "0", "--output", "json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=CLEAN,
    )
    try:
        endpoint = json.loads(server.stdout.readline())["endpoint"]
        deploy = [program, "deploy", "--yes", "--output", "json", "--endpoint-url", endpoint]
        done = subprocess.run(deploy, capture_output=True, text=True, cwd=folder, env=CLEAN, check=True)
        url = json.loads(done.stdout)["url"]
        for count in map(int, words or ["50", "200", "300"]):
            before = ticks(server.pid)
            result = crowd(url, count)
            print(json.dumps(result | {"cpu": round(ticks(server.pid) - before, 1)}), flush=True)
            time.sleep(3)  # those who left are announced to nobody, but the functions still work on it
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
