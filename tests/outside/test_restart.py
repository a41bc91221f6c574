"""Two windows of the page, open through a restart of the local cloud, a change of the connection, a new version and a
rollback: each finds its way back by itself, under its name."""

import re

import pytest
from chatpage import ChatPage
from conftest import STARTING, free_port


@pytest.fixture
def start(chatctl, tmp_path):
    """Starts the local cloud on the same port and the same state each time."""
    port = free_port()
    running = []

    def begin():
        running.append(chatctl.start("local", "--port", str(port), "--persist", str(tmp_path / "state")))
        running[-1].wait_for(r"http://127\.0\.0\.1:\d+/\s", STARTING)
        return running[-1], port

    yield begin
    for one in running:
        one.stop()


def test_two_windows_outlive_a_restart_a_new_version_and_a_rollback(chatctl, browser, start):
    local, port = start()
    url = re.search(rf"http://127\.0\.0\.1:(?!{port}/)\d+/", local.output())[0]
    with ChatPage(browser, url) as ann, ChatPage(browser, url) as ben:
        ann.connected().join("Ann")
        ben.connected().join("Ben")
        ann.say("before")
        ben.reads("Ann: before")
        assert local.interrupt() == 0
        local, _ = start()
        for page in (ann, ben):
            page.connected().sees_members("Ann", "Ben")
        ann.say("after the restart")
        ben.reads("Ann: after the restart")
        here = ("--local", "--port", str(port))
        chatctl.run("deploy", "--yes", "--memory", "512", *here)
        ben.say("new version")
        ann.reads("Ben: new version")
        chatctl.run("rollback", *here)
        ann.say("rolled back", to="Ben")
        ben.reads("[Private] Ann: rolled back")
        ann.is_content()
