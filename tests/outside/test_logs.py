"""`chatctl logs --follow` against an independent writer.

boto3 writes a storm of events into the chat's three log groups: in bursts, with equal timestamps,
out of order, up to 30 seconds late, over many streams and pages. A proxy between chatctl and the
cloud throttles, fails and breaks off. Nothing may be lost, nothing may come twice, and only events
that were late may be out of order.

CHATCTL_LOG_EVENTS sets the size of the storm (100000 unless said otherwise, which takes about a minute
for each cloud; a fifth of it under faults), CHATCTL_LOG_ENDPOINT a cloud that already runs. Without one,
the local cloud and ministack are each started.
"""

import collections
import http.client
import http.server
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import boto3
import botocore.config
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHATCTL = os.environ.get("CHATCTL_BIN", str(ROOT / "target" / "debug" / "chatctl"))
EVENTS = int(os.environ.get("CHATCTL_LOG_EVENTS", "100000"))
STREAMS = 4
LATEST = 30.0
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def environment(**more):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CHATCTL_"))}
    clean |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    return clean | {"AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "127.0.0.1"} | more


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def started(command, port, cwd, **env):
    """A server process that listens on the port."""
    log = open(cwd / f"{pathlib.Path(command[0]).name}.log", "wb")
    process = subprocess.Popen(command, env=environment(**env), cwd=cwd, stdout=log, stderr=log)
    until = time.monotonic() + 60
    while not answers(port):
        assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
        assert time.monotonic() < until, f"{command[0]} does not listen"
        time.sleep(0.05)
    return process


def local_cloud(port, folder):
    return started([CHATCTL, "local", "--no-deploy", "--port", str(port)], port, folder)


def ministack(port, folder):
    command = shutil.which("ministack", path=os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"])
    assert command, "ministack is not installed: pip install ministack==1.5.33"
    env = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "MINISTACK_HOST": "127.0.0.1"}
    return started([command], port, folder, IOT_MTLS_ENABLED="0", SFTP_ENABLED="0", **env)


CLOUDS = {"local": local_cloud, "ministack": ministack}


@pytest.fixture(params=["given"] if "CHATCTL_LOG_ENDPOINT" in os.environ else list(CLOUDS))
def endpoint(request, tmp_path):
    if request.param == "given":
        yield os.environ["CHATCTL_LOG_ENDPOINT"]
        return
    port = free_port()
    process = CLOUDS[request.param](port, tmp_path)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=20)


def client(service, endpoint):
    config = botocore.config.Config(retries={"max_attempts": 10, "mode": "standard"}, max_pool_connections=20)
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", config=config, **KEYS)


class Chat:
    """The API and the log groups of a chat that nobody deployed."""

    def __init__(self, endpoint, name):
        name = f"{name}-{random.randrange(16**8):08x}"
        self.name, self.endpoint = name, endpoint
        self.logs = client("logs", endpoint)
        tags = {"chatctl:stack": name, "chatctl:stage": "production"}
        self.api = client("apigatewayv2", endpoint).create_api(
            Name=f"{name}-production",
            ProtocolType="WEBSOCKET",
            RouteSelectionExpression="$request.body.action",
            Tags=tags,
        )["ApiId"]
        self.groups = {
            "function": f"/aws/lambda/{name}-production",
            "execution": f"/aws/apigateway/{self.api}/production",
            "access": f"/chatctl/{name}/production/access",
        }

    def make(self, source, streams=STREAMS):
        self.logs.create_log_group(logGroupName=self.groups[source])
        for n in range(streams):
            self.logs.create_log_stream(logGroupName=self.groups[source], logStreamName=f"s{n}")

    def put(self, source, stream, events):
        events = [{"timestamp": t, "message": m} for t, m in sorted(events)]
        answer = self.logs.put_log_events(
            logGroupName=self.groups[source], logStreamName=stream, logEvents=events
        )
        assert not answer.get("rejectedLogEventsInfo"), answer


def command(endpoint, name, *flags):
    return [CHATCTL, "logs", "--endpoint-url", endpoint, "--name", name, "--output", "json", *flags]


class Tail:
    """A running `chatctl logs --follow`, read as it writes."""

    def __init__(self, endpoint, name, *flags):
        self.lines, self.torn = [], []
        self.process = subprocess.Popen(
            command(endpoint, name, "--follow", *flags),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.notes = []
        self.threads = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=lambda: self.notes.extend(self.process.stderr), daemon=True),
        ]
        for thread in self.threads:
            thread.start()

    def _read(self):
        for raw in self.process.stdout:
            try:
                assert raw.endswith(b"\n")
                self.lines.append(json.loads(raw))
            except (AssertionError, ValueError):
                self.torn.append(raw)

    def wait_for(self, count, patience=90):
        """Until so many events came, or none came for a while."""
        last, moved = -1, time.monotonic()
        while len(self.lines) < count and time.monotonic() - moved < patience:
            if len(self.lines) != last:
                last, moved = len(self.lines), time.monotonic()
            assert self.process.poll() is None, b"".join(self.notes).decode()
            time.sleep(0.1)

    def wait_for_note(self, words, patience=90):
        until = time.monotonic() + patience
        while not re.search(words, b"".join(self.notes).decode()):
            assert time.monotonic() < until, (words, self.notes)
            time.sleep(0.1)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=20)
        for thread in self.threads:
            thread.join(timeout=10)
        return code


class Storm:
    """Writes `count` events, and remembers when each was written."""

    def __init__(self, chat, count, seconds, seed=1):
        self.chat, self.count, self.seconds = chat, count, seconds
        self.random = random.Random(seed)
        self.written = {}
        self.lock = threading.Lock()

    def run(self):
        share = self.count // (3 * STREAMS)
        work = [
            (source, f"s{n}", share + (self.count - share * 3 * STREAMS if (i, n) == (0, 0) else 0))
            for i, source in enumerate(self.chat.groups)
            for n in range(STREAMS)
        ]
        threads = [
            threading.Thread(target=self._write, args=(*job, random.Random(self.random.random())))
            for job in work
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(self.written) == self.count

    def _write(self, source, stream, count, rng):
        begun, done, number = time.monotonic(), 0, 0
        while done < count:
            size = min(count - done, rng.choice([1, 3, 40, 200, 800]))
            lateness = self._lateness(rng, size)
            now = time.time()
            events = []
            for late in lateness:
                name = f"{source}/{stream}/{number}"
                number += 1
                events.append((int((now - late) * 1000), json.dumps({"n": name})))
                with self.lock:
                    self.written[name] = late
            self.chat.put(source, stream, events)
            done += size
            # Even over the whole time, in bursts.
            ahead = begun + self.seconds * done / count - time.monotonic()
            time.sleep(max(0.0, ahead))

    @staticmethod
    def _lateness(rng, size):
        kind = rng.random()
        if kind < 0.3:
            return [0.0] * size  # one millisecond for all
        if kind < 0.8:
            return [rng.random() * 0.1 for _ in range(size)]
        if kind < 0.93:
            return [rng.random() * 5 for _ in range(size)]
        return [rng.random() * LATEST for _ in range(size)]


class Faults(http.server.ThreadingHTTPServer):
    """Passes calls on; some FilterLogEvents are throttled, fail, or break off."""

    daemon_threads = True

    def __init__(self, upstream, rate):
        super().__init__(("127.0.0.1", 0), FaultyHandler)
        self.upstream = urllib.parse.urlsplit(upstream).netloc
        self.rate, self.random, self.struck = rate, random.Random(7), collections.Counter()
        self.dead = None  # a log group that nobody can read
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        pass


class FaultyHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def _pass(self):
        server = self.server
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        target = self.headers.get("x-amz-target", "")
        reads = target.endswith("FilterLogEvents")
        if reads and server.dead and json.loads(body)["logGroupName"] == server.dead:
            return self._strike("503")
        if reads and server.random.random() < server.rate:
            return self._strike(server.random.choice(["throttle", "500", "503", "reset"]))
        upstream = http.client.HTTPConnection(server.upstream, timeout=60)
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        self._answer(answer.status, answer.read(), answer.getheader("content-type", "text/plain"))
        upstream.close()

    def _strike(self, kind):
        self.server.struck[kind] += 1
        json_type = "application/x-amz-json-1.1"
        if kind == "throttle":
            self._answer(400, b'{"__type":"ThrottlingException","message":"Rate exceeded"}', json_type)
        elif kind == "reset":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._answer(int(kind), b'{"__type":"ServiceUnavailableException"}', json_type)

    def _answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass


def name_of(line):
    return json.loads(line["message"])["n"]


def names(lines):
    return [name_of(line) for line in lines]


def check(lines, storm):
    """Nothing lost, nothing twice, and out of order only what was late."""
    came = collections.Counter(names(lines))
    lost = storm.written.keys() - came.keys()
    twice = [name for name, times in came.items() if times > 1]
    late, newest, disorder = 0, 0, 0
    for line in lines:
        flagged = line.get("late", False)
        assert flagged == (line["timestamp"] < newest), line
        newest = max(newest, line["timestamp"])
        late += flagged
        # What CloudWatch had at once must never be out of order.
        disorder += flagged and line["ingested"] - line["timestamp"] < 200
    figures = {"written": len(storm.written), "shown": len(lines), "lost": len(lost)}
    figures |= {"twice": len(twice), "late": late, "punctual but out of order": disorder}
    print(json.dumps(figures))
    assert not lost and not twice, figures
    assert set(came) == set(storm.written), figures
    assert disorder == 0, figures


def test_a_storm_arrives_whole_once_and_in_order(endpoint):
    chat = Chat(endpoint, "storm")
    for source in chat.groups:
        chat.make(source)
    tail = Tail(endpoint, chat.name, "--since", "5m")
    storm = Storm(chat, EVENTS, seconds=max(10, EVENTS / 2500))
    storm.run()
    tail.wait_for(EVENTS)
    assert tail.stop() == 130
    assert not tail.torn
    check(tail.lines, storm)

    # The past, read in one go, is sorted without exception.
    past = subprocess.run(
        command(endpoint, chat.name, "--since", "1h"), env=environment(), capture_output=True, check=True
    )
    lines = [json.loads(line) for line in past.stdout.splitlines()]
    assert sorted(names(lines)) == sorted(storm.written)
    stamps = [line["timestamp"] for line in lines]
    assert stamps == sorted(stamps)


def test_a_storm_survives_throttling_failures_and_broken_connections(endpoint):
    count = max(3000, EVENTS // 5)
    chat = Chat(endpoint, "faulty")
    for source in chat.groups:
        chat.make(source)
    proxy = Faults(endpoint, rate=0.2)
    tail = Tail(proxy.url, chat.name, "--since", "5m")
    storm = Storm(chat, count, seconds=max(10, count / 1000), seed=2)
    storm.run()
    tail.wait_for(count)
    assert tail.stop() == 130
    proxy.shutdown()
    assert not tail.torn
    check(tail.lines, storm)
    assert len(proxy.struck) == 4 and sum(proxy.struck.values()) > 10, proxy.struck


def test_a_group_that_fails_holds_the_others_up_for_a_while_and_that_is_said(tmp_path):
    port = free_port()
    cloud = local_cloud(port, tmp_path)
    chat = Chat(f"http://127.0.0.1:{port}", "dead")
    for source in chat.groups:
        chat.make(source, streams=1)
    proxy = Faults(chat.endpoint, rate=0)
    tail = Tail(proxy.url, chat.name, "--since", "1m")

    def put(source, name):
        chat.put(source, "s0", [(int(time.time() * 1000), json.dumps({"n": name}))])

    put("function", "first")
    tail.wait_for(1)
    proxy.dead = chat.groups["access"]
    tail.wait_for_note("the access log group .* cannot be read at the moment")
    put("access", "hidden")
    written = time.monotonic()
    put("function", "held")
    tail.wait_for(2)
    held = time.monotonic() - written
    assert 25 < held < 60, held
    tail.wait_for_note("the access log could not be read for 30 s: the other logs go on without it")
    # From now on nothing waits for it, until it can be read again.
    written = time.monotonic()
    put("execution", "free")
    tail.wait_for(3)
    assert time.monotonic() - written < 20
    # Who begins only now does not wait for ever either.
    second = Tail(proxy.url, chat.name, "--since", "5m")
    second.wait_for(3)
    assert names(second.lines) == ["first", "held", "free"]
    second.wait_for_note("the access log could not be read for 30 s")
    assert second.stop() == 130
    proxy.dead = None
    tail.wait_for(4)
    assert names(tail.lines) == ["first", "held", "free", "hidden"]
    assert [line.get("late", False) for line in tail.lines] == [False, False, False, True]
    tail.wait_for_note("can be read now")
    assert tail.stop() == 130
    proxy.shutdown()
    cloud.terminate()
    cloud.wait(timeout=20)


def test_a_missing_group_is_waited_for_and_said_once(endpoint):
    chat = Chat(endpoint, "waiting")
    tail = Tail(endpoint, chat.name)
    until = time.monotonic() + 20
    while len(b"".join(tail.notes).split(b"does not exist yet")) < 4 and time.monotonic() < until:
        time.sleep(0.1)
    for source in chat.groups:
        chat.make(source, streams=1)
        chat.put(source, "s0", [(int(time.time() * 1000), json.dumps({"n": source}))])
    tail.wait_for(3, patience=20)
    assert tail.stop() == 130
    assert sorted(names(tail.lines)) == ["access", "execution", "function"]
    notes = b"".join(tail.notes).decode()
    for group in chat.groups.values():
        assert len(re.findall(re.escape(group) + " does not exist yet", notes)) == 1, notes


def test_a_reader_that_goes_away_ends_the_tail_quietly(endpoint):
    chat = Chat(endpoint, "pipe")
    chat.make("function", streams=1)
    chat.put("function", "s0", [(int(time.time() * 1000), "one")])
    tail = subprocess.Popen(
        command(endpoint, chat.name, "--follow", "--source", "function"),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert tail.stdout.readline()
    tail.stdout.close()
    assert tail.wait(timeout=15) == 0
    assert tail.stderr.read() == b""
