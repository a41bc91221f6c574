"""How many messages a second go through a local WebSocket API: chatctl's, two of others, and a bare socket.

    cargo build --release --bin chatctl --example broadcast
    pip install boto3 ministack==1.5.33 && npm install --prefix DIR osls@4 serverless-offline@14
    SERVERLESS_DIR=DIR python benches/gateway.py [SECONDS]

One run measures all of them, one after another, with the same driver: raw sockets that count a mark in
what comes in, so that the driver is not what is measured. A peer whose program is missing is left out.

- alone: one member, one message on its way at a time, to a function that answers with the connection's
  id, until that is there. Messages a second.
- logged: the same with both logs on, and with posts by a role, as a deployed chat has it.
- deliveries: posts to the `@connections` of 50 members in turn over 16 kept HTTP connections, one on its
  way on each, as functions make them; counted where they arrive.

The functions are a Python process each in `chatctl` and `ministack`, and JavaScript within the server in
serverless-offline, which is in its favour. `mock` is chatctl's gateway with nothing behind it. The bare
socket, an echo and a broadcast to 50, is the limit.

One run on two busy cores (Linux, x86-64, release builds, 8 s each). The processor time of the server and its
children is the steadier figure; the rates would be higher on a quiet machine.

| server | alone | processor time | deliveries | processor time |
|---|---|---|---|---|
| bare socket | 9,013/s | 20 µs | 123,541/s | 2 µs |
| chatctl, MOCK | 6,873/s | 33 µs | | |
| chatctl | 525/s | 718 µs | 5,074/s | 35 µs |
| chatctl, logged | 975/s | 561 µs | 6,048/s | 64 µs |
| serverless-offline 14 | 1,204/s | 246 µs | 1,638/s | 169 µs |
| ministack 1.5.33 | 16/s | 4,289 µs | 838/s | 256 µs |

So the gateway costs 13 µs more than a bare echo; the rest of "alone" is the function's own process, frozen and
woken for each message. A logged post cost 91 µs before policies were kept parsed (76 µs after, same minutes).
In debug builds, asking less often whether the logging role works, and making only the variables that a line
names, took another 42 % (456 to 264 µs).
"""

import contextlib
import io
import itertools
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
import urllib.parse
import urllib.request
import zipfile

import boto3
from raw_websocket import RawWebSocket

ROOT = pathlib.Path(__file__).resolve().parents[1]
MEMBERS = 50
PATIENCE = 120


class Member:
    """A socket that counts how often a mark comes in."""

    def __init__(self, url, mark):
        self.mark, self.count, self.tail = mark.encode(), 0, b""
        self.connection = RawWebSocket(url, PATIENCE).opened()
        self.socket = self.connection.socket
        self.take(self.connection.rest)

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
        self.connection.say(text)

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


def watching(members):
    watch = selectors.DefaultSelector()
    for member in members:
        watch.register(member.socket, selectors.EVENT_READ, member)
    return watch


def pump(watch, done):
    """Reads what comes in until something is true."""
    end = time.perf_counter() + PATIENCE
    while not done():
        assert time.perf_counter() < end, "deliveries are missing"
        for key, _ in watch.select(timeout=1):
            key.data.read()


def broadcast(url, seconds):
    """Deliveries of a server to whom one message for all 50 is said, eight on their way."""
    members = [Member(url, "in") for _ in range(MEMBERS)]
    for member in members:
        member.say("in")
        member.until(1)
        member.mark, member.count, member.tail = b"hello", 0, b""
    watch, speaker, sent = watching(members), members[0], 0
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        while sent - speaker.count < 8:
            speaker.say("all: hello everybody")
            sent += 1
        seen = speaker.count
        pump(watch, lambda: speaker.count > seen)
    pump(watch, lambda: all(member.count >= sent for member in members))
    return sent * MEMBERS / (time.perf_counter() - began)


class Poster:
    """A kept HTTP connection with one post on its way, as HTTP clients have it."""

    def __init__(self, base, watch, signature):
        self.base, self.watch, self.socket = urllib.parse.urlsplit(base), watch, None
        body = '{"publicMessage":"hello everybody"}'
        self.head = (
            f"Host: {self.base.netloc}\r\nAuthorization: {signature}\r\n"
            f"Content-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )
        self.done = 0

    def post(self, connection):
        if self.socket is None:
            address = (self.base.hostname, self.base.port)
            self.socket = socket.create_connection(address, timeout=PATIENCE)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.watch.register(self.socket, selectors.EVENT_READ, self)
        path = f"{self.base.path}/@connections/{urllib.parse.quote(connection, safe='')}"
        self.answer = b""
        self.socket.sendall(f"POST {path} HTTP/1.1\r\n{self.head}".encode())

    def read(self):
        data = self.socket.recv(1 << 16)
        self.answer += data
        head, end, body = self.answer.partition(b"\r\n\r\n")
        lower = head.lower()
        length = int(next(iter(re.findall(rb"content-length: *(\d+)", lower)), b"0"))
        chunked = b"chunked" in lower
        whole = end and (body.endswith(b"0\r\n\r\n") if chunked else len(body) >= length)
        if whole:
            assert b" 20" in head.split(b"\r\n")[0], self.answer[:500]
            self.done += 1
        if not data or (whole and b"connection: close" in lower):
            self.watch.unregister(self.socket)
            self.socket.close()
            self.socket = None
        return whole


def deliveries(url, base, seconds, signature=None):
    """Posts to 50 members in turn; what arrives in a second."""
    members = []
    for _ in range(MEMBERS):
        member = Member(url, "publicMessage")
        member.say(SAY)
        member.id = ID.search(member.socket.recv(4096))[1].decode()
        members.append(member)
    watch, turn = watching(members), itertools.cycle(member.id for member in members)
    posters = [Poster(base, watch, signature or SIGNATURE) for _ in range(16)]
    began = time.perf_counter()
    for poster in posters:
        poster.post(next(turn))
    while time.perf_counter() - began < seconds:
        for key, _ in watch.select(timeout=1):
            one = key.data
            if isinstance(one, Member):
                one.read()
            elif one.read() or one.socket is None:
                one.post(next(turn))
    total = sum(poster.done for poster in posters)
    pump(watch, lambda: sum(member.count for member in members) >= total)
    return total / (time.perf_counter() - began)


SAY = '{"action":"who"}'
ID = re.compile(rb'connectionId":"([^"]+)')
SIGNATURE = "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=00"
CONTROL, SIGNATURE = SIGNATURE.format("apigateway"), SIGNATURE.format("execute-api")


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
            yield Running(process.pid, found[0])
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


class Running:
    """A program that runs: what it said, and what it and its children have cost."""

    def __init__(self, session, said):
        self.session, self.said = session, said

    def cpu(self):
        """Seconds of processor time so far."""
        ticks = 0
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                ticks += sum(map(int, fields[11:13])) if int(fields[3]) == self.session else 0
        return ticks / os.sysconf("SC_CLK_TCK")

    def measured(self, what, work, *args):
        """Rate, and microseconds of processor time for each."""
        before, began = self.cpu(), time.perf_counter()
        rate = work(*args)
        took = time.perf_counter() - began
        return what, rate, (self.cpu() - before) / (rate * took) * 1e6


def release(name):
    return str(ROOT / "target" / "release" / name)


def call(method, url, body=None):
    """An AWS call that anybody may make of a local cloud."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"authorization": CONTROL}, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


def bare(seconds):
    with running(release("examples/broadcast"), ready=r"ws://\S+") as server:
        yield server.measured("alone", alone, server.said, "echo me", "echo", seconds)
        yield server.measured("deliveries", broadcast, server.said, seconds)


@contextlib.contextmanager
def our_cloud():
    port = free_port()
    command = [os.environ.get("CHATCTL_BIN", release("chatctl")), "local", "--no-deploy", "--port", str(port)]
    with tempfile.TemporaryDirectory() as folder, running(
        *command, ready=f":{port}", env=environment(), cwd=folder
    ) as server:
        endpoint = f"http://127.0.0.1:{port}"
        # The account's limits protect a bill; they are not what is measured.
        calm = {"propagationMillis": 0, "requestsPerSecond": 1e6, "requestsBurst": 1e6}
        call("PATCH", f"{endpoint}/_chatctl/weather", calm)
        yield server, endpoint


def api_of(endpoint, integration, **more):
    """A WebSocket API whose `$default` leads there and answers; its id."""
    made = call("POST", f"{endpoint}/v2/apis", {
        "name": "bench", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.action"
    })
    base = f"{endpoint}/v2/apis/{made['apiId']}"
    target = call("POST", f"{base}/integrations", integration)["integrationId"]
    for response in more.get("responses", []):
        call("POST", f"{base}/integrations/{target}/integrationresponses", response)
    route = call("POST", f"{base}/routes", {"routeKey": "$default", "target": f"integrations/{target}"})
    call("POST", f"{base}/routes/{route['routeId']}/routeresponses", {"routeResponseKey": "$default"})
    deployment = call("POST", f"{base}/deployments", {})["deploymentId"]
    call("POST", f"{base}/stages", {"stageName": "s", "deploymentId": deployment})
    return made["apiId"]


def mock(seconds):
    """Our gateway with nothing behind it."""
    key = {"templateSelectionExpression": "\\$default"}
    request = {"integrationType": "MOCK", "requestTemplates": {"$default": '{"statusCode":200}'}}
    response = {"integrationResponseKey": "$default", "responseTemplates": {"$default": '{"connectionId":"?"}'}}
    with our_cloud() as (server, endpoint):
        api = api_of(endpoint, request | key, responses=[response | key])
        url = f"ws{endpoint[4:]}/_aws/execute-api/{api}/s"
        yield server.measured("alone", alone, url, SAY, "connectionId", seconds)


# The same function twice: for a runtime of its own, and for one that has Python already.
ANSWER = '{"statusCode": 200, "body": json.dumps({"connectionId": event["requestContext"]["connectionId"]}, separators=(",", ":"))}'
BOOTSTRAP = f"""#!{sys.executable}
import http.client, json, os
runtime = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
base = "/2018-06-01/runtime/invocation/"
while True:
    runtime.request("GET", base + "next")
    answer = runtime.getresponse()
    id, event = answer.headers["lambda-runtime-aws-request-id"], json.loads(answer.read())
    runtime.request("POST", base + id + "/response", json.dumps({ANSWER}))
    runtime.getresponse().read()
"""
MODULE = f"import json\ndef handler(event, context):\n    return {ANSWER}\n"


def sdk(endpoint, service):
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1",
                        aws_access_key_id="AKID", aws_secret_access_key="secret")


def role(endpoint, name, principal):
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    return sdk(endpoint, "iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]


def function_api(endpoint, runtime, handler, file, text):
    """A function on a cloud, and an API that leads to it."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        entry = zipfile.ZipInfo(file)
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, text)
    functions = sdk(endpoint, "lambda")
    arn = functions.create_function(
        FunctionName="bench",
        Role=role(endpoint, "bench", {"Service": "lambda.amazonaws.com"}),
        Runtime=runtime,
        Handler=handler,
        Timeout=20,
        Code={"ZipFile": data.getvalue()},
    )["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName="bench")
    functions.add_permission(
        FunctionName="bench", StatementId="s", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    return api_of(endpoint, {
        "integrationType": "AWS_PROXY",
        "integrationMethod": "POST",
        "integrationUri": f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations",
    })


def as_deployed(endpoint, api):
    """Both logs on, and posts by a role that may make them, as a deployed chat has it. The role's
    signature."""
    push = role(endpoint, "push", {"Service": "apigateway.amazonaws.com"})
    managed = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    sdk(endpoint, "iam").attach_role_policy(RoleName="push", PolicyArn=managed)
    patch = {"op": "replace", "path": "/cloudwatchRoleArn", "value": push}
    sdk(endpoint, "apigateway").update_account(patchOperations=[patch])
    sdk(endpoint, "logs").create_log_group(logGroupName="/bench/access")
    sdk(endpoint, "apigatewayv2").update_stage(
        ApiId=api,
        StageName="s",
        DefaultRouteSettings={"LoggingLevel": "INFO", "ThrottlingBurstLimit": 10**6, "ThrottlingRateLimit": 1e6},
        AccessLogSettings={
            "DestinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:/bench/access",
            "Format": '{"id":"$context.requestId","route":"$context.routeKey","status":"$context.status"}',
        },
    )
    poster = role(endpoint, "poster", {"AWS": "000000000000"})
    allow = {"Effect": "Allow", "Action": "execute-api:ManageConnections", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sdk(endpoint, "iam").put_role_policy(RoleName="poster", PolicyName="posts", PolicyDocument=document)
    session = sdk(endpoint, "sts").assume_role(RoleArn=poster, RoleSessionName="bench")["Credentials"]
    signature = SIGNATURE.replace("AKID", session["AccessKeyId"])
    return f"{signature}\r\nX-Amz-Security-Token: {session['SessionToken']}"


def chatctl(seconds):
    with our_cloud() as (server, endpoint):
        api = function_api(endpoint, "provided.al2023", "bootstrap", "bootstrap", BOOTSTRAP)
        base = f"{endpoint}/_aws/execute-api/{api}/s"
        yield server.measured("alone", alone, f"ws{base[4:]}", SAY, "connectionId", seconds)
        yield server.measured("deliveries", deliveries, f"ws{base[4:]}", base, seconds)
        signature = as_deployed(endpoint, api)
        yield server.measured("alone, logged", alone, f"ws{base[4:]}", SAY, "connectionId", seconds)
        yield server.measured("deliveries, logged", deliveries, f"ws{base[4:]}", base, seconds, signature)


def ministack(seconds):
    program = shutil.which("ministack", path=f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if not program:
        return
    port = free_port()
    settings = environment(
        BIND_HOST="127.0.0.1", GATEWAY_PORT=str(port), MINISTACK_HOST="127.0.0.1",
        IOT_MTLS_ENABLED="0", SFTP_ENABLED="0", LAMBDA_EXECUTOR="local",
    )
    with tempfile.TemporaryDirectory() as folder, running(program, ready="", env=settings, cwd=folder) as server:
        endpoint = f"http://127.0.0.1:{port}"
        answering(endpoint)
        api = function_api(endpoint, "python3.12", "index.handler", "index.py", MODULE)
        base = f"{endpoint}/_aws/execute-api/{api}/s"
        yield server.measured("alone", alone, f"ws{base[4:]}", SAY, "connectionId", seconds)
        yield server.measured("deliveries", deliveries, f"ws{base[4:]}", base, seconds)


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


# serverless-offline sends no reply of a route unless the route asks for it.
HANDLER = """\
exports.handler = async (event) => ({
  statusCode: 200, body: JSON.stringify({ connectionId: event.requestContext.connectionId }),
});
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
            plugins: [serverless-offline]
            functions:
              chat:
                handler: handler.handler
                events:
                  - websocket: $connect
                  - websocket: {{route: $default, routeResponseSelectionExpression: $default}}
            """))
        command = [str(program), "offline", "--websocketPort", str(port), "--httpPort", str(http),
                   "--lambdaPort", str(free_port()), "--host", "127.0.0.1", "--useInProcess", "--noPrependStageInUrl"]
        settings = environment(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", SLS_TELEMETRY_DISABLED="1")
        with running(*command, ready=r"ws(?:s)?://127\.0\.0\.1|listening on ws", cwd=project, env=settings) as server:
            url = f"ws://127.0.0.1:{port}"
            yield server.measured("alone", alone, url, SAY, "connectionId", seconds)
            yield server.measured("deliveries", deliveries, url, f"http{url[2:]}", seconds)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20
    wanted = sys.argv[2:] or ["bare", "mock", "chatctl", "ministack", "serverless_offline"]
    results = {}
    for name in wanted:
        for what, rate, cost in globals()[name](seconds):
            results.setdefault(name, {})[what] = {"per second": round(rate), "microseconds": round(cost)}
            print(f"{name}: {what} {rate:,.0f}/s, {cost:,.0f} µs of processor time each", file=sys.stderr)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
