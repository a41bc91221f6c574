"""The wire protocol, key for key, with Python's `websockets` against a deployed chat."""

import itertools
import json

import pytest
from chatclient import Client
from websockets.exceptions import InvalidStatus

names = (f"P{n}" for n in itertools.count(1))


@pytest.fixture
def url(deployed_chat):
    return deployed_chat.ws_url


@pytest.fixture
def alice(url):
    with Client(url) as client:
        client.name = next(names)
        yield client.joins(client.name)


@pytest.fixture
def bob(url, alice):
    with Client(url) as client:
        client.name = next(names)
        client.joins(client.name)
        alice.gets(systemMessage=f"{client.name} has joined the chat")
        yield client


def test_the_old_keys_come_first_and_read_as_before(alice, bob):
    alice.send("sendPublic", message="hi all")
    for client in (alice, bob):
        frame = client.gets(publicMessage=f"{alice.name}: hi all")
        assert next(iter(frame)) == "publicMessage"
        assert (frame["from"], frame["text"]) == (alice.name, "hi all")
        assert isinstance(frame["id"], str) and isinstance(frame["ts"], int)


def test_joining_tells_everybody_and_sends_the_list(url, alice):
    name = next(names)
    with Client(url) as cy:
        cy.joins(name)
        assert name in cy.gets(members=...)["members"]
        alice.gets(systemMessage=f"{name} has joined the chat")
        while name not in (listed := alice.gets(members=...)["members"]):
            pass
        assert alice.name in listed


def test_leaving_tells_everybody_and_sends_the_list(alice, bob):
    bob.socket.close()
    alice.gets(systemMessage=f"{bob.name} has left the chat")
    while bob.name in alice.gets(members=...)["members"]:
        pass


def test_a_private_message_reaches_its_receiver_alone(url, alice, bob):
    with Client(url) as eve:
        eve.joins(next(names))
        alice.send("sendPrivate", to=bob.name, message="only for you")
        bob.gets(privateMessage=f"{alice.name}: only for you")
        alice.send("sendPublic", message="for all")
        eve.gets(publicMessage=f"{alice.name}: for all")
        alice.gets(publicMessage=f"{alice.name}: for all")
        for other in (eve, alice):
            assert "only for you" not in json.dumps(other.seen)


def test_a_private_message_with_an_id_is_answered_to_its_sender_alone(alice, bob):
    alice.send("sendPrivate", to=bob.name, message="did you get it?", id="m7").gets(delivered={"id": "m7"})
    alice.send("sendPublic", message="barrier")
    bob.gets(publicMessage=f"{alice.name}: barrier")
    assert not any("delivered" in frame for frame in bob.seen)


def test_a_private_message_to_nobody_is_refused_to_the_sender_alone(alice, bob):
    alice.send("sendPrivate", to="Nobody at all", message="hello?").refused("no_such_member")
    alice.send("sendPublic", message="barrier")
    bob.gets(publicMessage=f"{alice.name}: barrier")
    assert not any("error" in frame for frame in bob.seen)


def test_one_must_have_a_name_to_speak(url):
    with Client(url) as nobody:
        nobody.send("sendPublic", message="hi").refused("name_required")
        nobody.send("sendPrivate", to="x", message="hi").refused("name_required")


def test_a_name_has_one_owner_and_cannot_forge_a_line(url, alice):
    with Client(url) as eve:
        eve.send("setName", name=alice.name).refused("name_taken")
        eve.send("setName", name=alice.name.lower()).refused("name_taken")
        eve.send("setName", name=f"{alice.name}: hi").refused("bad_name")
        eve.send("setName", name="a\u202eb").refused("bad_name")
        eve.send("setName", name="system").refused("bad_name")


def test_a_name_that_was_left_can_be_taken(url, alice, bob):
    bob.socket.close()
    alice.gets(systemMessage=f"{bob.name} has left the chat")
    with Client(url) as again:
        again.joins(bob.name)


def test_a_rename_is_told_once(alice, bob):
    new = next(names)
    bob.send("setName", name=new)
    frame = alice.gets(systemMessage=f"{bob.name} is now {new}")
    assert frame["renamed"] == {"from": bob.name, "to": new}
    bob.send("sendPublic", message="me again")
    alice.gets(publicMessage=f"{new}: me again")


def test_an_unknown_action_is_answered_with_the_one_that_was_meant(alice):
    assert "sendPublic" in alice.send("$sendPublic", message="hi").refused("unknown_action")["message"]
    assert "setName" in alice.send("dance").refused("unknown_action")["message"]
    alice.socket.send("no json")
    alice.refused("not_json")


def test_a_heartbeat_is_answered(alice):
    alice.send("ping").gets(pong=...)


def test_text_of_any_script_arrives_as_it_was_sent(alice, bob):
    text = "héllo \"wörld\" \\ 漢字 עברית 👩‍👩‍👧 \n second line \u0000 end"
    alice.send("sendPublic", message=text)
    assert bob.gets(publicMessage=f"{alice.name}: {text}")["text"] == text


def test_too_much_text_is_refused_and_the_connection_stays(alice):
    alice.send("sendPublic", message="x" * 4097).refused("too_long")
    alice.send("sendPublic", message="x" * 4096)
    alice.gets(publicMessage=f"{alice.name}: " + "x" * 4096)


def test_more_than_ten_messages_in_ten_seconds_are_refused(url):
    with Client(url) as eager:
        eager.joins(next(names))
        for n in range(14):
            eager.send("sendPublic", message=str(n), id=f"m{n}")
        eager.refused("rate_limited")
        refused = [eager.seen[-1]["error"]["id"]]
        refused += [eager.refused("rate_limited")["id"] for _ in range(4)]
        assert len(set(refused)) == 5, "with the name it were 15 messages, so 5 are refused, and each is told"


def test_a_name_is_refused_by_the_rule_that_it_breaks(url, alice):
    with Client(url) as eve:
        stacked = "x" + "\u0301" * 31
        for name, rule in (("Sуstem", "scripts"), ("a∶b", "colon"), ("admİn", "reserved"), (stacked, "marks")):
            assert rule in eve.send("setName", name=name).refused("bad_name")["message"]
        eve.send("setName", name=alice.name.replace("P", "Р")).refused("name_taken")  # Cyrillic


def test_frames_are_limited_as_api_gateway_limits_them(url):
    with Client(url) as client:
        client.socket.send(json.dumps({"action": "ping", "pad": "x" * 33_000}))
        assert client.is_closed()[0] == 1009
    with Client(url) as client:
        client.socket.send(b"binary")
        assert client.is_closed()[0] == 1003


def test_a_message_in_fragments_is_one_message(alice):
    text = json.dumps({"action": "ping", "pad": "x" * 60_000})
    alice.socket.send(text[at : at + 20_000] for at in range(0, len(text), 20_000))
    alice.gets(pong=...)


def test_a_stage_that_is_not_there_is_forbidden(url):
    with pytest.raises(InvalidStatus) as refused:
        Client(url.rsplit("/", 1)[0] + "/nowhere")
    assert refused.value.response.status_code == 403
