"""How much memory `chatctl local` takes: with idle sockets, and after request bodies that were never finished.

    cargo build --release && ulimit -n 20000 && python3 benches/memory.py [PROGRAM] [SOCKETS]

- idle: sockets that were opened and then left alone, on an API without integrations.
- half-sent: 30 uploads of a function's zip that stop after 60 MB, then close.

The figures are the resident memory of the process, in MB. Debug builds (Linux, x86-64):

| | before | after | after, with mimalloc |
|---|---|---|---|
| at the start | 38 | 44 | 58 |
| 10,000 idle sockets | 208 | 109 | |
| each of them, in KB | 17.5 | 6.7 | |
| 30 half-sent bodies of 60 MB, all open | 1778 | 1811 | 1857 |
| all closed, more than before them | 0 | 0 | 1267 |

A socket's read buffer had 8 KB and has 1, and its task had another 6 KB for futures that an idle socket does not need.
A body is read into one piece of memory, which the system's allocator gives back at once; mimalloc keeps it.
"""

import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release/chatctl"
SOCKETS = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
BODIES, BODY = 30, 60_000_000
SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/apigateway/aws4_request, "
    "SignedHeaders=host, Signature=00"
)


def resident(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def call(endpoint, path, body):
    request = urllib.request.Request(endpoint + path, json.dumps(body).encode())
    request.add_header("authorization", SIGNATURE)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def stage(endpoint):
    """An API that takes every handshake by itself; its path."""
    api = call(endpoint, "/v2/apis", {
        "name": "idle", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.action"})["apiId"]
    route = {"routeKey": "$default"}
    mock = {"integrationType": "MOCK", "templateSelectionExpression": "200",
            "requestTemplates": {"200": '{"statusCode":200}'}}
    route["target"] = "integrations/" + call(endpoint, f"/v2/apis/{api}/integrations", mock)["integrationId"]
    call(endpoint, f"/v2/apis/{api}/routes", route)
    call(endpoint, f"/v2/apis/{api}/stages", {"stageName": "test", "autoDeploy": True})
    time.sleep(1)
    return f"/_aws/execute-api/{api}/test"


def idle(address, path):
    """Handshakes, a hundred on their way at a time."""
    request = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()
    found = []
    for _ in range(SOCKETS // 100):
        batch = [socket.create_connection(address) for _ in range(100)]
        for one in batch:
            one.sendall(request)
        for one in batch:
            head = one.recv(4096)
            assert b" 101 " in head, head
        found += batch
    return found


def half_sent(address):
    one = socket.create_connection(address)
    try:
        one.sendall((
            f"POST /2015-03-31/functions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {SIGNATURE}\r\n"
            f"Content-Length: {BODY + 1}\r\n\r\n"
        ).encode())
        part = bytes(60_000)
        for _ in range(BODY // len(part)):
            one.sendall(part)
    except OSError:
        pass  # Refused, which is as good.
    return one


def half_sent_bodies(address, process):
    """The most that was resident, with all of them open."""
    found, threads = [], []
    for _ in range(BODIES):
        thread = threading.Thread(target=lambda: found.append(half_sent(address)))
        thread.start()
        threads.append(thread)
    most = 0
    while any(thread.is_alive() for thread in threads):
        most = max(most, resident(process))
        time.sleep(0.05)
    for one in found:
        one.close()
    return max(most, resident(process))


def settled(process):
    """The least within five seconds: what was freed may be given back a moment later."""
    least = resident(process)
    for _ in range(50):
        time.sleep(0.1)
        least = min(least, resident(process))
    return least


def main():
    relaxed = pathlib.Path(tempfile.mkdtemp()) / "conditions.json"
    relaxed.write_text('{"connectionsPerSecond": 1000000}')
    command = [PROGRAM, "local", "--no-deploy", "--port", "0", "--output", "json", "--conditions", relaxed]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        endpoint = json.loads(process.stdout.readline())["endpoint"]
        host, port = endpoint.removeprefix("http://").split(":")
        address, path = (host, int(port)), stage(endpoint)
        start = settled(process)
        print(f"at the start {start:.0f}", flush=True)
        sockets = idle(address, path)
        full = resident(process)
        print(f"{SOCKETS} idle sockets {full:.0f}, {(full - start) * 1024 / SOCKETS:.1f} KB each", flush=True)
        for one in sockets:
            one.close()
        before = settled(process)
        print(f"all closed {before:.0f}", flush=True)
        print(f"{BODIES} half-sent bodies of {BODY // 1_000_000} MB {half_sent_bodies(address, process):.0f}", flush=True)
        print(f"all closed {settled(process):.0f}", flush=True)
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(relaxed.parent)


main()
