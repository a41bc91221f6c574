"""`chatctl chat` on a real terminal: a prompt that messages do not tear, and a terminal given back as it was."""

import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

import pytest
from conftest import ANSI, clean_environment
from oldserver import OldServer


class Terminal:
    """A pseudo-terminal with `chatctl chat` on it."""

    def __init__(self, chatctl, url: str, *flags: str):
        self.ours, theirs = pty.openpty()
        self.before = termios.tcgetattr(self.ours)
        self.process = subprocess.Popen(
            [chatctl.path, "chat", "--url", url, *flags],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=clean_environment(TERM="xterm"),
            start_new_session=True,
            preexec_fn=lambda: __import__("fcntl").ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self.raw = ""

    def types(self, text: str) -> "Terminal":
        os.write(self.ours, text.encode())
        return self

    def shows(self, pattern: str, timeout: float = 20) -> "Terminal":
        """Reads on until the screen has shown this; what came before it is done with."""
        end = time.monotonic() + timeout
        while not (found := re.search(pattern, ANSI.sub("", self.raw))):
            ready, _, _ = select.select([self.ours], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{pattern!r} did not come, but {self.raw!r}"
            self.raw += os.read(self.ours, 65536).decode(errors="replace")
        self.raw = ANSI.sub("", self.raw)[found.end() :]
        return self

    def ends(self) -> int:
        """The exit code; the terminal must be as it was."""
        code = self.process.wait(20)
        assert termios.tcgetattr(self.ours)[:4] == self.before[:4]
        os.close(self.ours)
        return code


@pytest.fixture
def server():
    with OldServer() as server:
        yield server


@pytest.fixture
def alice(chatctl, server):
    terminal = Terminal(chatctl, server.url, "--user", "Alice")
    terminal.shows(r"\* Alice has joined the chat").shows("Alice> ")
    yield terminal
    if terminal.process.poll() is None:
        terminal.process.kill()
        terminal.process.wait()


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
    assert alice.ends() == 130


def test_what_strangers_send_cannot_move_the_cursor(server, alice):
    server.say({"publicMessage": "Eve: \x1b[2J\x1b]0;owned\x07\u202egone"})
    alice.shows(re.escape(r"Eve: \x1b[2J\x1b]0;owned\x07\u{202e}gone")).types("/quit\r")
    assert alice.ends() == 0
