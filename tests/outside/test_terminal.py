"""`chatctl chat` on a real terminal: a prompt that messages do not tear, and a terminal given back as it was."""

import re
import signal

import pytest
from oldserver import OldServer
from terminal import Terminal


@pytest.fixture
def server():
    with OldServer() as server:
        yield server


@pytest.fixture
def alice(chatctl, server):
    terminal = Terminal(chatctl.path, "chat", "--url", server.url, "--user", "Alice")
    terminal.shows(r"\* Alice has joined the chat").shows("Alice> ")
    yield terminal
    terminal.close()


def test_what_is_typed_survives_a_message_that_comes_in(server, alice):
    alice.types("half a li").shows("half a li")
    server.say({"publicMessage": "Bob: hello"})
    alice.shows(r"\r\x1b\[2KBob: hello\r\n.*Alice> half a li").types("ne\r")
    alice.shows("Alice: half a line").types("/quit\r")
    assert alice.ends() == 0


def test_erasing_and_other_keys_do_what_they_should(server, alice):
    alice.types("hallo\x7f\x7f\x7f\x7fello wurld\x17world\x1b[D!\r").shows("Alice: hello world!")
    alice.types("\x04")
    assert alice.ends() == 0


def test_private_messages_members_and_mistakes_are_shown(server, alice):
    alice.types("/members\r").shows(r"members \(1\): Alice")
    alice.types("/msg Alice to myself\r").shows(r"\[private to Alice\] to myself")
    alice.shows(r"\[private\] Alice: to myself")
    alice.types("/dance\r").shows("there is no /dance").types("/help\r").shows("/msg NAME TEXT")
    alice.types("/quit\r")
    assert alice.ends() == 0


def test_ctrl_c_leaves_and_gives_the_terminal_back(server, alice):
    alice.types("unfinished\x03")
    assert alice.ends() == 130
    server.wait(lambda s: not s.peers)


def test_being_told_to_end_gives_the_terminal_back(server, alice):
    alice.process.send_signal(signal.SIGTERM)
    assert alice.ends() == 143


def test_what_strangers_send_cannot_move_the_cursor(server, alice):
    server.say({"publicMessage": "Eve: \x1b[2J\x1b]0;owned\x07\u202egone"})
    alice.shows(re.escape(r"Eve: \x1b[2J\x1b]0;owned\x07\u{202e}gone")).types("/quit\r")
    assert alice.ends() == 0
