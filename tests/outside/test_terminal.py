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
    alice.shows(r"\r\x1b\[K[^\n]*\d\d:\d\d Bob: hello\r\n.*Alice> half a li").types("ne\r")
    alice.shows("Alice: half a line").types("/quit\r")
    assert alice.ends() == 0


def test_erasing_moving_and_history_do_what_they_should(server, alice):
    alice.types("hallo\x7f\x7f\x7f\x7fello wurld\x17world\x1b[D!\r").shows("Alice: hello worl!d")
    alice.types("two words\x1bb\x1bbmy \r").shows("Alice: my two words")
    alice.types("\x1b[A\x1b[A\x05 again\r").shows("Alice: hello worl!d again")
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


def test_pasted_lines_are_one_message(server, alice):
    alice.types("\x1b[200~one\rtwo\x1b[201~").types("\r").shows("Alice: one ⏎ two")
    assert [m["message"] for _, m in server.heard if m["action"] == "sendPublic"] == ["one\ntwo"]


def test_tab_completes_commands_and_members(server, alice):
    server.say({"members": ["Alice", "Bob the builder"]})
    server.say({"systemMessage": "that is all"})
    alice.shows("that is all")
    alice.types("/m\t").shows("/msg ").types("bo\t").shows('"Bob the builder" ').types("psst\r")
    alice.shows(r"\[private to Bob the builder\] psst")


def test_a_name_that_a_terminal_would_obey_is_not_completed(server, alice):
    server.say({"members": ["Alice", "Eve\x1b[2J"]})
    server.say({"systemMessage": "that is all"})
    alice.shows("that is all")
    alice.types("/msg e\t").types("\x15/who\r").shows(re.escape(r"Eve\x1b[2J"))
    assert "\x1b[2J" not in alice.raw


def test_wide_characters_and_combining_marks_are_erased_whole(server, alice):
    alice.types("漢字e\u0301\x7f\x7f!\r").shows("Alice: 漢!")


def test_a_new_name_stands_before_the_next_line(server, alice):
    alice.types("/name Anna\r").shows("Anna> ").types("me\r").shows("Anna: me")


def test_a_message_that_was_lost_is_said_and_enter_sends_it_again(server, alice):
    server.deaf = 1
    alice.types("hello\r")
    server.wait(lambda s: s.heard[-1][1]["action"] == "sendPublic")
    server.cut()
    alice.shows("“hello” may not have been sent").shows("connected again")
    alice.types("\r").shows("Alice: hello")
    sent = [m for _, m in server.heard if m["action"] == "sendPublic"]
    assert len(sent) == 2 and sent[0] == sent[1], "the same text with the same id"
