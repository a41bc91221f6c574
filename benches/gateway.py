"""How many messages a second go through a local WebSocket API: chatctl's, two of others, and a bare socket.

    cargo build --release --bin chatctl --example broadcast
    pip install ministack==1.5.33 && npm install --prefix DIR osls@4 serverless-offline@14
    SERVERLESS_DIR=DIR python benches/gateway.py [SECONDS]

One run measures all of them, one after another, with the same driver: raw sockets that count a mark in
what comes in, so that the driver is not what is measured. A peer whose program is missing is left out.

- alone: one member, one message on its way at a time, until its answer is there. Messages a second.
- deliveries: 50 members, one of whom speaks with eight messages on their way; each reaches all 50.

`chatctl` and `ministack` run the same deployed chat: a process that answers, a table, a post for every
member. `chatctl, MOCK` is the gateway with nothing behind it. serverless-offline runs a handler that does
less, in its own process and with no table, which is in its favour. The bare socket is the limit.

Measured on two shared cores (Linux, x86-64; a release build; 20 s each):

RESULTS
"""

import contextlib
import json
import os
import pathlib
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
MEMBERS = 50
IN_FLIGHT = 8
PATIENCE = 120


class Member:
    """A socket that counts how often a mark comes in."""

    def __init__(self, url, mark):
        host, port, path = re.fullmatch(r"ws://([^:/]+):(\d+)(/.*)?", url).groups()
        self.mark, self.count, self.tail = mark.encode(), 0, b""
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(
            f"GET {path or '/'} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            more = self.socket.recv(4096)
            assert more, f"{url} closed the handshake: {head!r}"
            head += more
        assert b" 101 " in head.split(b"\r\n")[0], head
        self.take(head.split(b"\r\n\r\n", 1)[1])

    def take(self, data):
        text = self.tail + data
        self.count += text.count(self.mark)
        keep = len(self.mark) - 1
        self.tail = text[-keep:] if keep else b""

    def read(self):
        data = self.socket.recv(1 << 18)
        assert data, "a member was disconnected"
        self.take(data)

    def say(self, text):
        """A masked text frame; the mask is zero."""
        body = text.encode()
        assert len(body) < 126
        self.socket.sendall(bytes([0x81, 0x80 | len(body), 0, 0, 0, 0]) + body)

    def until(self, count):
        while self.count < count:
            self.read()


def alone(url, say, mark, seconds):
    member = Member(url, mark)
    for warm in range(20):
        member.say(say)
        member.until(warm + 1)
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        member.say(say)
        done += 1
        member.until(20 + done)
    took = time.perf_counter() - began
    member.socket.close()
    return done / took


def deliveries(url, enter, say, mark, seconds):
    members = []
    for number in range(MEMBERS):
        member = Member(url, mark)
        if enter:
            enter(member, number)
        members.append(member)
    watch = selectors.DefaultSelector()
    for member in members:
        watch.register(member.socket, selectors.EVENT_READ, member)

    def pump(done):
        end = time.perf_counter() + PATIENCE
        while not done():
            assert time.perf_counter() < end, "deliveries are missing"
            for key, _ in watch.select(timeout=1):
                key.data.read()

    speaker = members[0]
    speaker.say(say)
    pump(lambda: all(member.count >= 1 for member in members))
    began, sent = time.perf_counter(), 1
    while time.perf_counter() - began < seconds:
        while sent - speaker.count < IN_FLIGHT:
            speaker.say(say)
            sent += 1
        seen = speaker.count
        pump(lambda: speaker.count > seen)
    pump(lambda: all(member.count >= sent for member in members))
    took = time.perf_counter() - began
    for member in members:
        member.socket.close()
    return (sent - 1) * MEMBERS / took


def enter_chat(member, number):
    """A name for everybody; the answer is waited for, because only members speak."""
    kept, member.mark, member.count = member.mark, b'"members"', 0
    member.say(json.dumps({"action": "setName", "name": f"member{number}"}))
    member.until(1)
    member.mark, member.count, member.tail = kept, 0, b""


CHAT = {
    "alone": ('{"action":"ping"}', '"pong"'),
    "deliveries": (enter_chat, '{"action":"sendPublic","message":"hello everybody"}', '"publicMessage"'),
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(**more):
    kept = {k: v for k, v in os.environ.items() if not k.upper().startswith(("AWS_", "CHATCTL_"))}
    return kept | {"NO_PROXY": "127.0.0.1,localhost"} | more


@contextlib.contextmanager
def running(*command, ready, **how):
    """A program until the end of the block; `ready` is a pattern in what it says."""
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True, **how
        )
        try:
            end = time.monotonic() + PATIENCE
            while True:
                said.seek(0)
                text = said.read()
                if found := re.search(ready, text):
                    break
                assert process.poll() is None and time.monotonic() < end, text
                time.sleep(0.1)
            yield found
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def release(name):
    return str(ROOT / "target" / "release" / name)


def call(method, url, body=None):
    """An AWS call that anybody may make of a local cloud."""
    data = None if body is None else json.dumps(body).encode()
    credential = "AKID/20260101/us-east-1/apigateway/aws4_request"
    signature = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=00"
    request = urllib.request.Request(url, data, {"authorization": signature}, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


def bare(seconds):
    with running(release("examples/broadcast"), ready=r"ws://\S+") as found:
        yield "alone", alone(found[0], "echo me", "echo", seconds)
        yield "deliveries", deliveries(found[0], None, "all: hello everybody", "hello", seconds)


def chatctl(seconds):
    port = free_port()
    command = [release("chatctl"), "local", "--port", str(port), "--page-port", str(free_port())]
    ready = rf"ws://127\.0\.0\.1:{port}/\S+"
    with tempfile.TemporaryDirectory() as folder, running(*command, ready=ready, env=environment(), cwd=folder) as found:
        unthrottle(port, found[0])
        yield "alone", alone(found[0], *CHAT["alone"], seconds)
        yield "deliveries", deliveries(found[0], *CHAT["deliveries"], seconds)


def unthrottle(port, url):
    """The stage's limits protect a bill; they are not what is measured."""
    api, stage = url.rsplit("/", 2)[1:]
    limits = {"throttlingBurstLimit": 100000, "throttlingRateLimit": 100000.0}
    call("PATCH", f"http://127.0.0.1:{port}/v2/apis/{api}/stages/{stage}", {"defaultRouteSettings": limits})
    weather = {"requestsPerSecond": 1e6, "requestsBurst": 1e6}
    call("PATCH", f"http://127.0.0.1:{port}/_chatctl/weather", weather)


def mock(seconds):
    """Our gateway with a MOCK integration: no function, no table."""
    port = free_port()
    base = f"http://127.0.0.1:{port}/v2/apis"
    command = [release("chatctl"), "local", "--no-deploy", "--port", str(port)]
    with tempfile.TemporaryDirectory() as folder, running(*command, ready=f":{port}", env=environment(), cwd=folder):
        api = call("POST", base, {"name": "m", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.a"})
        base += f"/{api['apiId']}"
        template = {"templateSelectionExpression": "\\$default"}
        integration = call("POST", f"{base}/integrations", template | {
            "integrationType": "MOCK", "requestTemplates": {"$default": '{"statusCode":200}'}
        })["integrationId"]
        call("POST", f"{base}/integrations/{integration}/integrationresponses", template | {
            "integrationResponseKey": "$default", "responseTemplates": {"$default": '{"pong":true}'}
        })
        route = call("POST", f"{base}/routes", {"routeKey": "$default", "target": f"integrations/{integration}"})
        call("POST", f"{base}/routes/{route['routeId']}/routeresponses", {"routeResponseKey": "$default"})
        deployment = call("POST", f"{base}/deployments", {})["deploymentId"]
        call("POST", f"{base}/stages", {"stageName": "s", "deploymentId": deployment})
        url = f"{api['apiEndpoint']}/s"
        unthrottle(port, url)
        yield "alone", alone(url, "{}", '"pong"', seconds)


def ministack(seconds):
    program = shutil.which("ministack", path=f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if not program:
        return
    port = free_port()
    settings = environment(
        BIND_HOST="127.0.0.1", GATEWAY_PORT=str(port), MINISTACK_HOST="127.0.0.1",
        IOT_MTLS_ENABLED="0", SFTP_ENABLED="0", LAMBDA_EXECUTOR="local",
    )
    with tempfile.TemporaryDirectory() as folder, running(program, ready="", env=settings, cwd=folder):
        endpoint = f"http://127.0.0.1:{port}"
        answering(endpoint)
        deploy = [release("chatctl"), "deploy", "--yes", "--output", "json", "--endpoint-url", endpoint]
        done = subprocess.run(deploy, env=environment(), cwd=folder, capture_output=True, text=True, check=True)
        url = json.loads(done.stdout)["url"]
        yield "alone", alone(url, *CHAT["alone"], seconds)
        yield "deliveries", deliveries(url, *CHAT["deliveries"], seconds)


def answering(url):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            return urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return None
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{url} does not answer")


HANDLER = """\
const members = (globalThis.members ??= new Set());
const post = (id, text) => fetch(`http://127.0.0.1:${process.env.WS_PORT}/@connections/${encodeURIComponent(id)}`,
  { method: "POST", body: text });
exports.handler = async (event) => {
  const { routeKey, connectionId } = event.requestContext;
  if (routeKey === "$connect") members.add(connectionId);
  else if (routeKey === "$disconnect") members.delete(connectionId);
  else if (JSON.parse(event.body).action === "ping") await post(connectionId, '{"pong":1}');
  else await Promise.all([...members].map((id) => post(id, '{"publicMessage":"hello everybody"}')));
  return { statusCode: 200 };
};
"""


def serverless_offline(seconds):
    folder = pathlib.Path(os.environ.get("SERVERLESS_DIR", "none"))
    program = folder / "node_modules" / ".bin" / "osls"
    if not program.exists():
        return
    port, http = free_port(), free_port()
    with tempfile.TemporaryDirectory(dir=folder) as name:
        project = pathlib.Path(name)
        (project / "handler.js").write_text(HANDLER)
        (project / "serverless.yml").write_text(textwrap.dedent(f"""\
            service: bench
            provider:
              name: aws
              runtime: nodejs20.x
              websocketsApiRouteSelectionExpression: $request.body.action
              environment:
                WS_PORT: "{port}"
            plugins: [serverless-offline]
            functions:
              chat:
                handler: handler.handler
                events:
                  - websocket: $connect
                  - websocket: $disconnect
                  - websocket: $default
            """))
        command = [str(program), "offline", "--websocketPort", str(port), "--httpPort", str(http),
                   "--lambdaPort", str(free_port()), "--host", "127.0.0.1", "--useInProcess", "--noPrependStageInUrl"]
        settings = environment(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", SLS_TELEMETRY_DISABLED="1")
        with running(*command, ready=r"ws(?:s)?://127\.0\.0\.1|listening on ws", cwd=project, env=settings):
            url = f"ws://127.0.0.1:{port}"
            yield "alone", alone(url, *CHAT["alone"], seconds)
            _, say, mark = CHAT["deliveries"]
            yield "deliveries", deliveries(url, None, say, mark, seconds)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20
    wanted = sys.argv[2:] or ["bare", "mock", "chatctl", "ministack", "serverless_offline"]
    results = {}
    for name in wanted:
        for what, rate in globals()[name](seconds):
            results.setdefault(name, {})[what] = round(rate, 1)
            print(f"{name}: {what} {rate:,.0f}/s", file=sys.stderr)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
