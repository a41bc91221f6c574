"""The chat with wscat, the tool that people try a WebSocket API with."""

import json
import os
import shutil

import pytest
from chatclient import Client
from conftest import ROOT
from terminal import Terminal


@pytest.fixture(scope="session")
def wscat():
    local = ROOT / "target/outside-npm/node_modules/.bin"
    path = shutil.which("wscat", path=f"{local}:{os.environ['PATH']}")
    assert path, "wscat is missing: npm install --prefix target/outside-npm --no-save wscat@6.1.0"
    return path


def sent(**message) -> str:
    return json.dumps(message) + "\r"


def test_wscat_joins_talks_and_is_talked_to(wscat, deployed_chat):
    cat = Terminal(wscat, "--no-color", "--connect", deployed_chat.ws_url)
    try:
        with Client(deployed_chat.ws_url) as pia:
            pia.joins("Pia at wscat")
            cat.shows("Connected")
            cat.types(sent(action="setName", name="Cat")).shows('"systemMessage":"Cat has joined the chat"')
            pia.gets(systemMessage="Cat has joined the chat")
            cat.types(sent(action="sendPublic", message="meow")).shows('"publicMessage":"Cat: meow"')
            pia.gets(publicMessage="Cat: meow")
            cat.types(sent(action="sendPrivate", to="Pia at wscat", message="purr"))
            pia.gets(privateMessage="Cat: purr")
            pia.send("sendPrivate", to="Cat", message="good cat")
            cat.shows('"privateMessage":"Pia at wscat: good cat"')
            cat.types(sent(action="$sendPublic", message="hiss")).shows("did you mean sendPublic")
            cat.types("\x03")
            pia.gets(systemMessage="Cat has left the chat")
    finally:
        cat.close()
