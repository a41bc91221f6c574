"""What following costs while nothing comes: `chatctl logs --follow` beside awslogs, on one local cloud.

    cargo build && pip install boto3 pytest awslogs && python benches/quiet_follow.py [MINUTES] [EVENTS]

100,000 events are put into three log groups, the followers read them, and after a while (the overlap within which
late events are found, and the time until the pauses are long) calls and processor time are counted for some real
minutes. awslogs follows one group with a process, so three of them run; `-i 5` makes it ask as often as chatctl does
on AWS, and it reads its last five minutes each time, with the burst in them. chatctl asks a local cloud eight times as
often as AWS (every 0.6 s in place of 5 s), so an hour on AWS costs an eighth of what is shown.

One run of 1.5 minutes on two very busy cores, debug build: chatctl 444 calls, 0.98 for each group and interval, 0.93 %
of a core (0.11 % at AWS's pace), 1.9 ms of processor time per call; awslogs 37 calls, 9.1 %, 223 ms per call, 118
times as much.
"""

import json
import os
import pathlib
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "outside"))
import follow_logs  # noqa: E402
import test_logs as outside  # noqa: E402

SETTLES = 150  # seconds: 90 of overlap, and the pauses have grown by then
INTERVAL = 0.6  # seconds between two reads of a quiet group on a local cloud


def awslogs(endpoint, groups):
    flags = ["--watch", "-i", "5", "-s", "5m", "-G", "-S", "--color", "never"]
    flags += ["--aws-endpoint-url", endpoint, "--aws-region", "us-east-1"]
    return follow_logs.Follower([[follow_logs.program("awslogs"), "get", group, *flags] for group in groups])


class Cost:
    """What processes have cost so far: processor time, and calls of FilterLogEvents."""

    def __init__(self, processes, count):
        self.pids, self.count = [process.pid for process in processes], count
        self.before = self.now()

    def now(self):
        cpu = 0
        for pid in self.pids:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            cpu += sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
        return cpu, self.count(), time.monotonic()

    def figures(self):
        cpu, calls, seconds = (now - then for now, then in zip(self.now(), self.before))
        return {
            "calls": calls,
            "calls per group and second": round(calls / 3 / seconds, 3),
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
            ours = outside.Tail(endpoint, chat.name, "--since", "5m")
            theirs = awslogs(endpoint, chat.groups.values())
            outside.Storm(chat, events, seconds=20).run()
            ours.wait_for(events)
            time.sleep(SETTLES)
            counts = [Cost([ours.process], calls(endpoint, "Boto3", False)), Cost(theirs.processes, calls(endpoint, "Boto3", True))]
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
