"""No message vanishes silently: whatever goes wrong on its way, its sender reads that it may not have been sent,
sends it again with one click or one key, and its receivers get it once."""

import json
import re
import urllib.request

import pytest
from chatclient import Client
from chatpage import ChatPage, expect
from terminal import Terminal

WORDS = {
    "reset": "The connection was lost",
    "lost-answer": "The connection was lost",
    "throttle": "Not sent: Too Many Requests",
    "error": "Not sent: Internal server error",
    "hang": "No answer",
}


@pytest.fixture
def fault(deployed_chat):
    """Plans a fault on the next message that anybody sends."""
    faults = f"{deployed_chat.endpoint}/_chatctl/faults"

    def plan(kind: str) -> None:
        body = json.dumps(f"execute-api:Message={kind}").encode()
        urllib.request.urlopen(urllib.request.Request(faults, body, method="POST")).close()

    yield plan
    urllib.request.urlopen(urllib.request.Request(faults, method="DELETE")).close()


@pytest.fixture
def pia(deployed_chat, request):
    with Client(deployed_chat.ws_url) as client:
        client.name = f"Pia{abs(hash(request.node.name)) % 10**6}"
        yield client.joins(client.name)


def has_once(client: Client, key: str, line: str) -> None:
    """It came or comes, and not twice: an answer to a later message comes after it."""
    if not any(frame.get(key) == line for frame in client.seen):
        client.gets(**{key: line})
    client.send("ping").gets(pong=...)
    assert [frame.get(key) for frame in client.seen].count(line) == 1


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
@pytest.mark.parametrize("kind", WORDS)
def test_the_page_says_what_may_be_lost_and_sends_it_once(browser, deployed_chat, fault, pia, kind, private):
    with ChatPage(browser, deployed_chat.page_url) as ann:
        name = pia.name.replace("Pia", "Ann")
        ann.connected().join(name)
        fault(kind)
        ann.say("hello", to=pia.name if private else "")
        own = ann.page.locator("#chatBox p.mine")
        expect(own).to_have_attribute("data-state", re.compile("failed|sent"))
        if own.get_attribute("data-state") == "failed":
            expect(own).to_contain_text(WORDS[kind])
            ann.connected()
            own.get_by_role("button", name="Send again").click()
        else:
            assert kind == "lost-answer", "its answer was quicker than the loss"
        expect(own).to_have_attribute("data-state", "sent")
        has_once(pia, "privateMessage" if private else "publicMessage", f"{name}: hello")
        ann.is_content()


@pytest.mark.parametrize("kind", ["reset", "throttle", "error", "hang"])
def test_the_terminal_says_what_may_be_lost_and_sends_it_once(chatctl, deployed_chat, fault, pia, kind):
    name = pia.name.replace("Pia", "Tom")
    tom = Terminal(chatctl.path, "chat", "--url", deployed_chat.ws_url, "--user", name)
    try:
        tom.shows(f"{name}> ")
        fault(kind)
        tom.types(f"/msg {pia.name} psst\r").shows(r"“psst” (may not have been|was not) sent", 30)
        tom.types("\r").shows(rf"\[private to {pia.name}\] psst", 30)
        has_once(pia, "privateMessage", f"{name}: psst")
        tom.types("/quit\r")
        assert tom.ends() == 0
    finally:
        tom.close()


def test_one_line_that_is_lost_ends_with_1(chatctl, deployed_chat, fault, pia):
    line = ("chat", "--url", deployed_chat.ws_url, "--user", pia.name.replace("Pia", "Rob"), "--once")
    assert chatctl.run(*line, f"/msg {pia.name} one").returncode == 0
    pia.gets(privateMessage=...)
    fault("throttle@2")  # the first is the name
    assert chatctl.run(*line, "two", check=False).returncode == 1
