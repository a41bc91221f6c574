"""The chat with wscat, the tool that people try a WebSocket API with."""

import json
import os
import shutil
import subprocess

import pytest
from chatclient import Client
from conftest import ROOT, Running, clean_environment


@pytest.fixture(scope="session")
def wscat():
    local = ROOT / "target/outside-npm/node_modules/.bin"
    path = shutil.which("wscat", path=f"{local}:{os.environ['PATH']}")
    assert path, "wscat is missing: npm install --prefix target/outside-npm --no-save wscat@6.1.0"
    return path


class Wscat(Running):
    """A wscat that is typed into."""

    def __init__(self, program: str, url: str):
        super().__init__(subprocess.Popen(
            [program, "--no-color", "--connect", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=clean_environment(),
            start_new_session=True,
        ))

    def types(self, **message) -> "Wscat":
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        return self


def test_wscat_joins_talks_and_is_talked_to(wscat, deployed_chat):
    with Client(deployed_chat.ws_url) as pia:
        pia.joins("Pia at wscat")
        cat = Wscat(wscat, deployed_chat.ws_url)
        try:
            cat.wait_for("Connected")
            cat.types(action="setName", name="Cat").wait_for('"systemMessage":"Cat has joined the chat"')
            pia.gets(systemMessage="Cat has joined the chat")
            cat.types(action="sendPublic", message="meow").wait_for('"publicMessage":"Cat: meow"')
            pia.gets(publicMessage="Cat: meow")
            cat.types(action="sendPrivate", to="Pia at wscat", message="purr")
            pia.gets(privateMessage="Cat: purr")
            pia.send("sendPrivate", to="Cat", message="good cat")
            cat.wait_for('"privateMessage":"Pia at wscat: good cat"')
            cat.types(action="$sendPublic", message="hiss").wait_for("did you mean sendPublic")
        finally:
            cat.stop()
        pia.gets(systemMessage="Cat has left the chat")
