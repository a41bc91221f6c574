"""How many of the same log lines three followers show, each once: chatctl, awslogs, and SAM.

One local cloud, one storm of events in three groups (bursts, equal timestamps, some late by up to 30
seconds), all followers at the same time. awslogs follows one group, so three of them run and their
lines are counted together; that is in its favour. SAM follows all three in one process, as chatctl
does. The order is not compared.

    pip install boto3 pytest awslogs aws-sam-cli && cargo build && python benches/follow_logs.py [EVENTS]

It says what it saw in one line of JSON. What is lost depends on the lateness of the events, which is
harsher here than a quiet function's: the shares tell about the worst case, not about a usual day.
SAM_BIN and AWSLOGS_BIN name programs that are not on the PATH.
"""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "outside"))
import test_logs as outside  # noqa: E402

NAME = re.compile(r'"n": ?"([^"]+)"')
QUIET = 40  # seconds without a new line, after which nobody is waited for any longer


def program(name):
    given = os.environ.get(f"{name.upper()}_BIN")
    found = given or shutil.which(name, path=f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert found, f"{name} is not installed: pip install awslogs aws-sam-cli"
    return found


def awslogs(endpoint, groups):
    """One process for each group."""
    flags = ["--watch", "-i", "1", "-s", "5m", "-G", "-S", "--color", "never"]
    flags += ["--aws-endpoint-url", endpoint, "--aws-region", "us-east-1"]
    return Follower([[program("awslogs"), "get", group, *flags] for group in groups])


def sam(endpoint, groups):
    """One process for all groups."""
    flags = [flag for group in groups for flag in ("--cw-log-group", group)]
    flags += ["--tail", "--start-time", "5min ago", "--region", "us-east-1"]
    return Follower([[program("sam"), "logs", *flags]], AWS_ENDPOINT_URL=endpoint, SAM_CLI_TELEMETRY="0")


class Follower:
    """Somebody else's follower, in as many processes as it takes."""

    def __init__(self, commands, **env):
        self.names, self.processes = [], []
        for command in commands:
            process = subprocess.Popen(
                command,
                env=outside.environment(PYTHONUNBUFFERED="1", **env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            self.processes.append(process)
            threading.Thread(target=self._read, args=(process,), daemon=True).start()

    def _read(self, process):
        for line in process.stdout:
            if found := NAME.search(line):
                self.names.append(found[1])

    def stop(self):
        ended = [process.poll() for process in self.processes]
        for process in self.processes:
            process.kill()
            process.wait()
        return sum(code is not None for code in ended)


def figures(names, written):
    came = collections.Counter(names)
    return {
        "shown": len(set(came) & set(written)),
        "lost": len(set(written) - set(came)),
        "twice": sum(times - 1 for times in came.values()),
        "share": round(len(set(came) & set(written)) / len(written), 4),
    }


def settle(*counts):
    """Until no follower shows anything new for a while."""
    last, moved = None, time.monotonic()
    while time.monotonic() - moved < QUIET:
        now = [count() for count in counts]
        if now != last:
            last, moved = now, time.monotonic()
        time.sleep(0.5)


def main():
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 6000
    with tempfile.TemporaryDirectory() as folder:
        port = outside.free_port()
        cloud = outside.local_cloud(port, pathlib.Path(folder))
        endpoint = f"http://127.0.0.1:{port}"
        try:
            chat = outside.Chat(endpoint, "bench")
            for source in chat.groups:
                chat.make(source)
            ours = outside.Tail(endpoint, chat.name, "--since", "5m")
            theirs = {peer.__name__: peer(endpoint, chat.groups.values()) for peer in (awslogs, sam)}
            storm = outside.Storm(chat, events, seconds=60, seed=3)
            storm.run()
            settle(lambda: len(ours.lines), *(lambda peer=peer: len(peer.names) for peer in theirs.values()))
            ours.stop()
            ended = {name: peer.stop() for name, peer in theirs.items()}
        finally:
            cloud.terminate()
            cloud.wait()
    result = {"events": events, "chatctl": figures(outside.names(ours.lines), storm.written)}
    for name, peer in theirs.items():
        result[name] = figures(peer.names, storm.written) | {"ended by themselves": ended[name]}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
