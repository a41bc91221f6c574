"""What `chatctl init --template` writes is deployed, talked to and torn down, on the local cloud and on ministack; and
so is a handler of the kind that people bring along.

ministack is laxer than AWS: it sends whatever `body` a function returns back to the client, route response or not. So
that the routes of an echo need one is seen on the local cloud alone.
"""

import json
import os
import re
import sys
from pathlib import Path

import boto3
import pytest
from websockets.sync.client import connect

from chatclient import Client
from conftest import Cloud, _environment, free_port
from test_cloud_managed import PYTHON
from test_ministack import leftovers

PATIENCE = 30


@pytest.fixture(scope="module")
def local_cloud_of_venv(chatctl):
    """An empty local cloud that finds the Python with boto3 first."""
    port, venv = free_port(), Path(sys.executable).parent
    running = chatctl.start("local", "--no-deploy", "--port", str(port), PATH=f"{venv}:{os.environ['PATH']}")
    endpoint = f"http://127.0.0.1:{port}"
    try:
        running.wait_for(re.escape(endpoint))
        yield Cloud(endpoint, running, _environment(endpoint))
    finally:
        running.stop()


@pytest.fixture(params=["local", "ministack"])
def stack(request, chatctl, tmp_path):
    """Runs `chatctl <verb>` in an empty folder, against one of the two."""
    cloud = request.getfixturevalue({"local": "local_cloud_of_venv", "ministack": "ministack"}[request.param])
    target = ["--local", "--port", str(cloud.port)] if request.param == "local" else ["--endpoint-url", cloud.endpoint]
    return Stack(chatctl, tmp_path, target, cloud.endpoint)


class Stack:
    def __init__(self, chatctl, folder, target, endpoint):
        self.chatctl, self.folder, self.target, self.endpoint = chatctl, folder, target, endpoint

    def run(self, *args, **how):
        return self.chatctl.run(*args, *self.target, cwd=self.folder, **how)

    def document(self, *args):
        return json.loads(self.run(*args, "--output", "json").stdout)

    def write(self, **files):
        for name, text in files.items():
            (self.folder / name.replace("_", ".")).write_text(text, encoding="utf-8")

    def init(self, template):
        self.chatctl.run("init", "--template", template, cwd=self.folder)
        file = self.folder / "chatctl.toml"
        # boto3 is installed for this version alone.
        file.write_text(file.read_text().replace("python3.13", PYTHON), encoding="utf-8")

    def lives(self, talk):
        """Deploy, talk, deploy again, tear down."""
        deployed = self.document("deploy", "--yes")
        assert deployed["changed"] and deployed["provedInSeconds"] is not None
        talk(deployed["url"])
        again = self.document("deploy")
        assert not again["changed"], again["plan"]
        gone = self.document("teardown", "--yes")
        assert gone["stayed"] == []
        made = {deployed["name"], deployed["apiId"]}
        assert [one for one in leftovers(self.sdk) if any(name in one for name in made)] == []

    def sdk(self, service):
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=self.endpoint, region_name="us-east-1", **keys)


def dial(url):
    return connect(url, open_timeout=PATIENCE, proxy=None)


def chats(url):
    with Client(url) as alice, Client(url) as bob:
        alice.joins("Alice")
        bob.joins("Bob")
        alice.send("sendPublic", message="hi all")
        bob.gets(publicMessage="Alice: hi all")
        bob.send("sendPrivate", to="Alice", message="psst")
        alice.gets(privateMessage="Bob: psst")


def echoes(url):
    with dial(url) as one, dial(url) as other:
        for socket, text in [(one, "hello"), (other, '{"action":"any"}'), (one, "grüß Gott")]:
            socket.send(text)
            assert socket.recv(timeout=PATIENCE) == text


def shares_a_room(url):
    with Client(url) as one, Client(url) as other:
        with Client(url) as third:
            third.send("anything").gets(help=...)
        one.send("say", text="hi all")
        for member in (one, other):
            member.gets(text="hi all")
        other.send("say", text=7).send("say", text="and again")
        assert one.gets(text=...)["text"] == "and again"


TEMPLATES = {"chat": chats, "echo": echoes, "node": shares_a_room, "python": shares_a_room, "rust-minimal": echoes}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_deployed_talks_and_goes_without_a_trace(stack, template):
    stack.init(template)
    stack.lives(TEMPLATES[template])


def test_without_its_route_response_an_echo_is_silent(chatctl, local_cloud_of_venv, tmp_path):
    port = local_cloud_of_venv.port
    stack = Stack(chatctl, tmp_path, ["--local", "--port", str(port)], local_cloud_of_venv.endpoint)
    stack.init("echo")
    file = tmp_path / "chatctl.toml"
    file.write_text(file.read_text().replace("response = true", "response = false").split("# After each")[0])
    url = stack.document("deploy", "--yes")["url"]
    with dial(url) as socket:
        socket.send("hello")
        with pytest.raises(TimeoutError):
            socket.recv(timeout=1)
    stack.run("teardown", "--yes")


HANDLER = """// Names in memory, which a test of one function at a time allows.
const { ApiGatewayManagementApiClient, PostToConnectionCommand } = require("@aws-sdk/client-apigatewaymanagementapi");
const api = new ApiGatewayManagementApiClient({ endpoint: process.env.ENDPOINT });
const names = new Map();

const tell = (id, message) =>
  api.send(new PostToConnectionCommand({ ConnectionId: id, Data: JSON.stringify(message) })).catch(() => names.delete(id));
const tellAll = (message) => Promise.all([...names.keys()].map((id) => tell(id, message)));

const ROUTES = {
  $connect: () => {},
  $disconnect: (id) => names.delete(id),
  $default: (id) => tell(id, { error: "no such action" }),
  setName: (id, { name }) => { names.set(id, name); return tellAll({ here: [...names.values()] }); },
  sendPublic: (id, { message }) => tellAll({ from: names.get(id), message }),
  sendPrivate: (id, { to, message }) => {
    const found = [...names].find(([, name]) => name === to);
    return tell(found ? found[0] : id, found ? { from: names.get(id), secret: message } : { error: "nobody of that name" });
  },
  wave: (id) => tellAll({ waves: names.get(id) }),
};

exports.handler = async ({ body, requestContext: { routeKey, connectionId } }) => {
  await ROUTES[routeKey](connectionId, routeKey.startsWith("$") ? null : JSON.parse(body));
  return { statusCode: 200 };
};
"""
PACKAGE = '{"dependencies":{"@aws-sdk/client-apigatewaymanagementapi":"^3.0.0"}}'
CONFIGURATION = """name = "mine"
routes = { setName = {}, sendPublic = {}, sendPrivate = {}, wave = {} }
[function]
source = "."
build = "npm install --omit=dev --no-audit --no-fund --loglevel=error"
runtime = "nodejs22.x"
environment = { ENDPOINT = "${stack.connections}" }
"""


def waves(url):
    with Client(url) as alice, Client(url) as bob:
        alice.send("setName", name="Alice").gets(here=["Alice"])
        bob.send("setName", name="Bob").gets(here=["Alice", "Bob"])
        alice.gets(here=["Alice", "Bob"])
        alice.send("sendPublic", message="hi all")
        bob.gets(**{"from": "Alice", "message": "hi all"})
        bob.send("sendPrivate", to="Alice", message="psst")
        alice.gets(**{"from": "Bob", "secret": "psst"})
        alice.send("wave")
        bob.gets(waves="Alice")
        bob.send("fly").gets(error="no such action")


def test_a_handler_with_its_own_routes_and_names_in_memory_works_as_it_is(stack):
    stack.write(index_js=HANDLER, package_json=PACKAGE, chatctl_toml=CONFIGURATION)
    stack.lives(waves)
