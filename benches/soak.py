"""A long chat on `chatctl local`: 200 clients, functions that are killed, connections that break, logs that are followed.

    cargo build && python3 benches/soak.py [MINUTES] [CLIENTS] [PROGRAM]

All the time somebody speaks, a process of the function is killed with SIGKILL every few seconds, and clients leave
without a word, leave with a close frame, or are closed by the server; all of them come back under their names.
`chatctl logs --follow` runs beside it. In the end everybody leaves, and it is checked that

- every message was answered: delivered, refused, failed (its function was killed) or cut off with its connection;
- every member who was there got every delivered message, or the logs say why not, and no member got one twice;
- every connection that ended has a reason: ours, or the code of a close frame;
- every connection that was opened has its DISCONNECT in the access log, or its function was still at work;
- the follower showed each line of the three logs once;
- the memory is flat: server and follower in the last quarter against the second;
- no process is left.

JSON says what was counted, and of each kind of loss for which reasons (`soak_reasons.py`); the exit code is 1 if a
check failed. Log groups keep 8 MB here (`logBytesKept`), so that
memory which grows is not the logs'. Every event has a running number at the end of its id, which tells what is lost.
"""

import collections
import http.client
import json
import os
import pathlib
import random
import selectors
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import soak_reasons
from raw_websocket import CLOSE, PING, PONG, TEXT, RawWebSocket

ROOT = pathlib.Path(__file__).resolve().parents[1]
CLEAN = {k: v for k, v in os.environ.items() if not k.upper().startswith(("AWS_", "CHATCTL_")) and "proxy" not in k.lower()}
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
FAILS = 60  # the gateway waits 29 s for the function
ENDS = 120  # the last $disconnect of a crowd is answered within so many seconds
ARRIVES = 10  # a message is everywhere so many seconds after its sender has it
STARTS = 600  # the first start compiles the function
# Seconds between two events of a kind, for all clients together.
SPEAKS, KILLED, LEAVES, CLOSED = 1, 5, 2, 10
KEPT = 8_000_000  # bytes of each log group


class Member:
    """A client that stays in the chat, over as many connections as it takes."""

    def __init__(self, soak, name):
        self.soak, self.name, self.socket = soak, name, None
        self.said = None  # the number of its last message
        self.got = bytearray()
        self.stays = []  # [named, ended] of every connection
        self.named, self.due, self.ours, self.connection = False, 0, None, None

    def connect(self):
        self.named, self.ours, self.connection = False, None, None
        try:
            self.socket = RawWebSocket(self.soak.url)
        except OSError as error:
            return self.ended(f"handshake: {error}")
        self.soak.watch.register(self.socket.socket, selectors.EVENT_READ, self)

    def tick(self, now):
        """Connects again, or asks for its name again."""
        if self.socket is None:
            if now >= self.due and not self.soak.is_over:
                self.connect()
        elif self.socket.is_open and not self.named and now >= self.due:
            self.due = now + 3
            self.send({"action": "setName", "name": self.name} if self.connection else {"action": "ping"})

    def send(self, message):
        try:
            self.socket.say(json.dumps(message))
        except OSError:
            pass  # the end is read in a moment

    def speak(self):
        if self.named and self.soak.is_answered(self.said):
            self.said = self.soak.next_message(self.connection)
            self.send({"action": "sendPublic", "message": str(self.said), "id": self.said})

    def leave(self, politely):
        """Ends its connection with or without a close frame."""
        if self.socket is None or not self.socket.is_open or self.ours:
            return
        self.ours = "left with a close frame" if politely else "left without a word"
        self.stay_ends()
        if politely:
            self.socket.send(CLOSE, (1000).to_bytes(2, "big"))
        else:
            self.ended(self.ours)

    def read(self):
        try:
            alive = self.socket.receive()
        except OSError as error:
            return self.ended(self.ours or f"handshake: {error}" if not self.socket.is_open else self.ours or str(error))
        for kind, body in self.socket.frames():
            self.take(kind, body)
            if self.socket is None:
                return
        if not alive:
            self.ended(self.ours or "no reason")

    def take(self, kind, body):
        if kind == TEXT:
            self.hear(json.loads(body))
        elif kind == PING:
            self.socket.send(PONG, body)
        elif kind == CLOSE:
            code = int.from_bytes(body[:2], "big")
            self.ended(self.ours or f"closed by the server with {code} {body[2:].decode()}".strip())

    def hear(self, frame):
        self.soak.frames += 1
        if "publicMessage" in frame:
            self.hear_message(frame)
        elif "pong" in frame:
            self.connection, self.due = frame["connectionId"], 0
        elif "error" in frame:
            self.hear_error(frame["error"])
        elif "requestId" in frame:
            self.soak.answers[f"gateway: {frame.get('message')}"] += 1
            self.soak.end_message(self.said, "failed")
        elif self.name in frame.get("members", ()) or self.name in frame.get("joined", ()):
            if not self.named and not self.ours:
                self.named = True
                self.stays.append([time.monotonic(), None])

    def hear_message(self, frame):
        number = int(frame["text"])
        self.got.extend(bytes(max(0, number + 1 - len(self.got))))
        self.got[number] = min(255, self.got[number] + 1)
        if frame["from"] == self.name:
            self.soak.end_message(number, "delivered")

    def hear_error(self, error):
        self.soak.answers[error["code"]] += 1
        if "id" in error:
            self.soak.end_message(error["id"], "failed" if error["code"] in ("unavailable", "out_of_time") else "refused")

    def stay_ends(self):
        if self.named:
            self.stays[-1][1] = time.monotonic()
        self.named = False

    def ended(self, reason):
        self.soak.ends[reason] += 1
        self.stay_ends()
        if self.socket is not None:
            self.soak.watch.unregister(self.socket.socket)
            self.socket.socket.close()
        self.socket = None
        self.soak.end_message(self.said, "cut")
        self.due = time.monotonic() + random.uniform(0.2, 2)

    def missed(self, message):
        """Whether it was there the whole time and did not get the message."""
        there = any(
            began < message.sent - 1 and (ended is None or ended > message.ended + ARRIVES)
            for began, ended in self.stays
        )
        return there and not (message.number < len(self.got) and self.got[message.number])


class Message:
    def __init__(self, number, connection):
        self.number, self.sent, self.ended, self.outcome = number, time.monotonic(), None, None
        self.connection, self.epoch = connection, time.time() * 1000


class Soak:
    def __init__(self, endpoint, url, server, count):
        self.endpoint, self.url, self.server = urllib.parse.urlsplit(endpoint), url, server
        self.watch = selectors.DefaultSelector()
        self.ends, self.answers = collections.Counter(), collections.Counter()
        self.messages, self.frames, self.killed, self.is_over = [], 0, 0, False
        self.processes = {}
        self.members = [Member(self, f"guest-{n}") for n in range(count)]

    def next_message(self, connection):
        self.messages.append(Message(len(self.messages), connection))
        return len(self.messages) - 1

    def is_answered(self, number):
        return number is None or self.messages[number].outcome is not None

    def end_message(self, number, outcome):
        """A function may be killed after its message reached some: that one has failed, not been delivered."""
        if number is None:
            return
        message = self.messages[number]
        if message.outcome is None or (outcome == "failed" and time.monotonic() - message.sent < FAILS):
            message.outcome, message.ended = outcome, time.monotonic()

    def call(self, method, path, body=None, target=None):
        service = "logs" if target else "apigateway"
        headers = {
            "authorization": f"AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/{service}/aws4_request, "
            "SignedHeaders=host, Signature=00"
        }
        if target:
            headers |= {"x-amz-target": f"Logs_20140328.{target}", "content-type": "application/x-amz-json-1.1"}
        connection = http.client.HTTPConnection(self.endpoint.hostname, self.endpoint.port, timeout=60)
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status < 300, (path, target, answer.status, text[:300])
        return json.loads(text or b"{}")

    def logs(self, operation, **body):
        return self.call("POST", "/", body, operation)

    def environments(self):
        """The processes of functions, each with the time of its start. All that were ever seen are kept."""
        found = functions_below(self.server)
        self.processes |= found
        return found

    def kill(self):
        found = list(self.environments())
        if found:
            self.killed += 1
            os.kill(random.choice(found), signal.SIGKILL)

    def close_one(self):
        """The server closes a connection, with a code and a reason."""
        member = random.choice(self.members)
        if not member.named:
            return
        open_ones = self.call("GET", "/_chatctl/connections")
        if open_ones:
            chosen = urllib.parse.quote(random.choice(open_ones)["connectionId"], safe="")
            self.call("DELETE", f"/_chatctl/connections/{chosen}?code=4001&reason=soak")

    def run(self, seconds, every=None):
        """Chats for so long. `every` maps seconds to what is done as often, on average."""
        end, last = time.monotonic() + seconds, 0
        every = every or {}
        due = {work: time.monotonic() + pause for work, pause in every.items()}
        while (now := time.monotonic()) < end:
            for key, _ in self.watch.select(0.02):
                key.data.read()
            for work, pause in every.items():
                if now >= due[work]:
                    due[work] = now + pause * random.uniform(0.5, 1.5)
                    work()
            if now - last > 0.1:
                last = now
                for member in self.members:
                    member.tick(now)

    def until(self, condition, seconds):
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            self.run(0.2)
        return condition()


def functions_below(server):
    """Processes below the server that have a Runtime API, with the times of their starts."""
    parents, starts = {}, {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(folder.name)], starts[int(folder.name)] = int(fields[1]), fields[19]
    found = {}
    for pid in parents:
        up = pid
        while up not in (0, server):
            up = parents.get(up, 0)
        try:
            is_function = b"AWS_LAMBDA_RUNTIME_API=" in pathlib.Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        if up == server and pid != server and is_function:
            found[pid] = starts[pid]
    return found


def is_alive(pid, start):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[19] == start and fields[0] != "Z"


def resident(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def number(event_id):
    """The running number at the end of an event's id."""
    return int(event_id[-20:])


class Follower:
    """`chatctl logs --follow`: how often it showed each event, and which connections began and ended."""

    def __init__(self, program, endpoint, folder):
        command = [program, "logs", "--follow", "--since", "1h", "--output", "json", "--endpoint-url", endpoint]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder, env=CLEAN | KEYS
        )
        self.shown, self.late, self.notes = bytearray(), 0, []
        self.opened, self.ended, self.requests = set(), set(), soak_reasons.Requests()
        threading.Thread(target=self.read, daemon=True).start()
        threading.Thread(target=lambda: self.notes.extend(self.process.stderr), daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            at = number(event["id"])
            self.shown.extend(bytes(max(0, at + 1 - len(self.shown))))
            self.shown[at] = min(255, self.shown[at] + 1)
            self.late += event.get("late", False)
            fields = event.get("fields", {})
            self.requests.take(event["source"], event["timestamp"], fields)
            if fields.get("eventType") == "CONNECT" and fields["status"] == "200":
                self.opened.add(fields["connectionId"])
            elif fields.get("eventType") == "DISCONNECT":
                self.ended.add(fields["connectionId"])

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


def lines_elsewhere(soak):
    """The numbers of events in groups that are not the chat's."""
    names = [group["logGroupName"] for group in soak.logs("DescribeLogGroups")["logGroups"]]
    foreign = [name for name in names if name.endswith("/welcome")]
    pages = [soak.logs("FilterLogEvents", logGroupName=name) for name in foreign]
    return {number(event["eventId"]) for page in pages for event in page["events"]}


def last_number(soak):
    """The number of the newest event of all."""
    names = [group["logGroupName"] for group in soak.logs("DescribeLogGroups")["logGroups"]]
    recent = int((time.time() - 60) * 1000)
    last = 0
    for name in names:
        more = {}
        while True:
            page = soak.logs("FilterLogEvents", logGroupName=name, startTime=recent, **more)
            last = max([last, *(number(event["eventId"]) for event in page["events"])])
            if "nextToken" not in page:
                break
            more = {"nextToken": page["nextToken"]}
    return last


class Memory:
    """The resident memory of server and follower over time, in MB."""

    def __init__(self, soak, follower):
        self.processes, self.samples = (soak.server, follower.process.pid), []

    def sample(self):
        self.samples.append([resident(pid) for pid in self.processes])

    def quarters(self):
        """The medians of the second and of the last quarter."""
        size = len(self.samples) // 4
        return [
            [round(statistics.median(values), 1) for values in zip(*quarter)]
            for quarter in (self.samples[size : 2 * size], self.samples[3 * size :])
        ]


def prefill(soak):
    """The list of calls keeps the last 20,000; it is full before the memory is measured."""
    connection = http.client.HTTPConnection(soak.endpoint.hostname, soak.endpoint.port, timeout=60)
    head = {"authorization": "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/apigateway/aws4_request, "
            "SignedHeaders=host, Signature=00"}
    for _ in range(20_000):
        connection.request("GET", "/account", headers=head)
        connection.getresponse().read()
    connection.close()


def chat(soak, follower, minutes):
    """The chat itself; the memory over its time."""
    soak.call("PATCH", "/_chatctl/conditions", {"controlPlane": {"logBytesKept": KEPT}})
    if minutes > 2:
        prefill(soak)
    memory = Memory(soak, follower)
    for member in soak.members:
        member.connect()
    assert soak.until(lambda: all(member.named for member in soak.members), 90), "not everybody could join"
    speak = lambda: random.choice(soak.members).speak()  # noqa: E731
    leave = lambda: random.choice(soak.members).leave(random.random() < 0.5)  # noqa: E731
    every = {speak: SPEAKS, soak.kill: KILLED, leave: LEAVES, soak.close_one: CLOSED, memory.sample: 2}
    soak.run(minutes * 60, every)
    # What is on its way arrives, and everybody comes back.
    soak.until(lambda: all(member.named for member in soak.members), 60)
    soak.run(ARRIVES + 2)
    soak.is_over = True
    for member in soak.members:
        member.leave(True)
    soak.until(lambda: all(member.socket is None for member in soak.members), 30)
    return memory


def judge(soak, follower, memory):
    """What was counted, and which checks failed."""
    outcomes = collections.Counter(message.outcome for message in soak.messages)
    delivered = [message for message in soak.messages if message.outcome == "delivered"]
    lost = follower.requests.why_lost(message for message in delivered for member in soak.members if member.missed(message))
    silent = follower.requests.why_silent(follower.opened - follower.ended)
    twice = sum(count > 1 for member in soak.members for count in member.got)
    missing = follower.shown[: soak.last + 1].count(0) - len(soak.elsewhere)
    repeated = sum(count - 1 for count in follower.shown if count > 1)
    second, last = memory.quarters()
    counted = {
        "messages": {str(outcome): count for outcome, count in outcomes.items()},
        "deliveries": sum(sum(member.got) for member in soak.members),
        "frames": soak.frames,
        "lost": dict(lost),
        "twice": twice,
        "answers": dict(soak.answers),
        "ends": dict(soak.ends),
        "opened": len(follower.opened),
        "without DISCONNECT": dict(silent),
        "killed": soak.killed,
        "processes": len(soak.processes),
        "log lines": sum(follower.shown),
        "lines lost": missing,
        "lines twice": repeated,
        "lines late": follower.late,
        "MB of server and follower in the second quarter": second,
        "MB in the last quarter": last,
    }
    failed = {
        "a message was not answered": outcomes[None] > 0,
        "no message was delivered": not delivered,
        "a delivery was lost without a reason": lost[soak_reasons.NONE] > 0,
        "a delivery came twice": twice > 0,
        "a connection ended without a reason": soak.ends["no reason"] > 0,
        "a connection has no DISCONNECT for no reason": silent[soak_reasons.NONE] > 0,
        "a log line was lost": missing > 0,
        "a log line came twice": repeated > 0,
        "the server's memory grows": last[0] > second[0] * 1.05 + 4,
        "the follower's memory grows": last[1] > second[1] * 1.05 + 4,
    }
    return counted, [check for check, is_so in failed.items() if is_so]


def soak(minutes, count, program):
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [program, "local", "--port", "0", "--page-port", "0", "--output", "json"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder, env=CLEAN,
        )
        follower = None
        try:
            ready = json.loads(server.stdout.readline())
            threading.Thread(target=collections.deque, args=(server.stdout, 0), daemon=True).start()
            follower = Follower(program, ready["endpoint"], folder)
            one = Soak(ready["endpoint"], ready["url"], server.pid, count)
            memory = chat(one, follower, minutes)
            one.until(lambda: not one.call("GET", "/_chatctl/connections"), 30)
            # The last lines are written after the connections have ended.
            one.until(lambda: follower.opened <= follower.ended, ENDS)
            one.elsewhere, one.last = lines_elsewhere(one), last_number(one)
            everything = one.last + 1 - len(one.elsewhere)
            one.until(lambda: len(follower.shown) > one.last and sum(follower.shown) >= everything, 30)
            one.environments()
            codes = {"follower": follower.stop()}
            server.send_signal(signal.SIGINT)
            codes["server"] = server.wait(60)
        finally:
            for process in (server, follower and follower.process):
                if process and process.poll() is None:
                    process.kill()
                    process.wait()
    left = [pid for pid, start in one.processes.items() if is_alive(pid, start)]
    counted, failed = judge(one, follower, memory)
    if left:
        failed.append("a process is left")
    if codes != {"follower": 130, "server": 0}:
        failed.append(f"exit codes {codes}")
    return {"minutes": minutes, "clients": count} | counted | {"failed": failed}


def main():
    words = sys.argv[1:]
    minutes = float(words[0]) if words else 20
    count = int(words[1]) if len(words) > 1 else 200
    program = str(pathlib.Path(words[2] if len(words) > 2 else ROOT / "target/debug/chatctl").resolve())
    result = soak(minutes, count, program)
    print(json.dumps(result, indent=1))
    sys.exit(bool(result["failed"]))


if __name__ == "__main__":
    main()
