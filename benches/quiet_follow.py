"""What following costs while nothing comes: `chatctl logs --follow` beside awslogs, on one local cloud.

    cargo build && pip install boto3 pytest awslogs && python benches/quiet_follow.py [MINUTES] [EVENTS]

100,000 events are put into three log groups, the followers read them, and after a while (the overlap within which
late events are found, and the time until the pauses are long) calls and processor time are counted for some real
minutes. awslogs follows one group with a process, so three of them run; `-i 5` makes it ask as often as chatctl does
on AWS, and it reads its last five minutes each time, with the burst in them. chatctl asks a local cloud three times as
often as AWS (every 1.5 s in place of 5 s), so an hour on AWS costs a third of what is shown.

One run of 1.5 minutes on two very busy cores, debug build: chatctl 444 calls, 0.98 for each group and interval, 0.93 %
of a core (0.11 % at AWS's pace), 1.9 ms of processor time per call; awslogs 37 calls, 9.1 %, 223 ms per call, 118
times as much.
"""

import contextlib
import json
import os
import pathlib
import socket
import socketserver
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "outside"))
import follow_logs  # noqa: E402
import test_logs as outside  # noqa: E402

SETTLES = 150  # seconds: 90 of overlap, and the pauses have grown by then
INTERVAL = 1.5  # seconds between two reads of a quiet group on a local cloud


def awslogs(endpoint, groups):
    flags = ["--watch", "-i", "5", "-s", "5m", "-G", "-S", "--color", "never"]
    flags += ["--aws-endpoint-url", endpoint, "--aws-region", "us-east-1"]
    return follow_logs.Follower([[follow_logs.program("awslogs"), "get", group, *flags] for group in groups])


class Relay(socketserver.ThreadingTCPServer):
    """A port that leads to the local cloud, and counts the bytes of both directions."""

    daemon_threads = True

    def __init__(self, port):
        super().__init__(("127.0.0.1", 0), None)
        self.to, self.bytes = ("127.0.0.1", port), 0
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, _):
        with socket.create_connection(self.to) as other:
            back = threading.Thread(target=self.copy, args=(other, request), daemon=True)
            back.start()
            self.copy(request, other)
            back.join()

    def copy(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.bytes += len(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


class Cost:
    """What processes have cost so far: processor time, calls of FilterLogEvents, and bytes of both directions."""

    def __init__(self, processes, relay, count):
        self.pids, self.relay, self.count = [process.pid for process in processes], relay, count
        self.before = self.now()

    def now(self):
        cpu = 0
        for pid in self.pids:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            cpu += sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
        return cpu, self.count(), self.relay.bytes, time.monotonic()

    def figures(self):
        cpu, calls, sent, seconds = (now - then for now, then in zip(self.now(), self.before))
        return {
            "calls": calls,
            "calls per group and second": round(calls / 3 / seconds, 3),
            "bytes per call": round(sent / max(1, calls)),
            "kilobytes an hour": round(sent / seconds * 3.6),
            "percent of a core": round(100 * cpu / seconds, 3),
            "milliseconds of processor time per call": round(1000 * cpu / max(1, calls), 2),
        }


def main():
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 5
    events = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        port = outside.free_port()
        cloud = outside.local_cloud(port, pathlib.Path(folder))
        endpoint = f"http://127.0.0.1:{port}"
        try:
            chat = outside.Chat(endpoint, "quiet")
            for source in chat.groups:
                chat.make(source)
            near, far = Relay(port), Relay(port)
            ours = outside.Tail(near.endpoint, chat.name, "--since", "5m")
            theirs = awslogs(far.endpoint, chat.groups.values())
            outside.Storm(chat, events, seconds=20).run()
            ours.wait_for(events)
            time.sleep(SETTLES)
            counts = [
                Cost([ours.process], near, calls(endpoint, "Boto3", False)),
                Cost(theirs.processes, far, calls(endpoint, "Boto3", True)),
            ]
            time.sleep(minutes * 60)
            mine, other = (count.figures() for count in counts)
            ours.stop()
            theirs.stop()
        finally:
            cloud.terminate()
            cloud.wait()
    mine["calls per group and interval"] = round(mine["calls per group and second"] * INTERVAL, 2)
    ratio = other["milliseconds of processor time per call"] / mine["milliseconds of processor time per call"]
    print(json.dumps({"minutes": minutes, "events": events, "chatctl": mine, "awslogs": other, "awslogs / chatctl": round(ratio, 1)}, indent=1))


def calls(endpoint, agent, is_theirs):
    """Counts calls of FilterLogEvents by this agent, or by any other. The list keeps the latest 20,000."""
    def count():
        with urllib.request.urlopen(f"{endpoint}/_chatctl/calls") as answer:
            listed = json.load(answer)
        listed = listed["calls"] if isinstance(listed, dict) else listed
        return sum(
            call["operation"] == "FilterLogEvents" and (call["agent"].startswith(agent) == is_theirs) for call in listed
        )

    return count


if __name__ == "__main__":
    main()
