"""The chat page in a real Chromium, against a server of the first protocol: what a person sees and does,
what strangers' text cannot do, and what happens when connections end."""

import re

import pytest
from chatpage import ChatPage, expect
from oldserver import OldServer

MINUTE = 60_000


@pytest.fixture
def server():
    with OldServer() as server:
        yield server


@pytest.fixture
def page_url(chatctl, server):
    running = chatctl.start("open", "--url", server.url)
    yield running.wait_for(r"http://127\.0\.0\.1:\d+/")[0]
    assert running.interrupt() == 0


@pytest.fixture
def alice(browser, page_url):
    with ChatPage(browser, page_url) as page:
        yield page.connected()


def test_names_public_and_private_messages_members_and_leaving(browser, page_url, alice):
    with ChatPage(browser, page_url) as bob:
        alice.join("Alice").sees_members("Alice")
        bob.connected().join("Bob").reads("[System] Bob has joined the chat")
        alice.reads("[System] Bob has joined the chat").sees_members("Alice", "Bob")
        alice.say("hi: all")
        bob.reads("Alice: hi: all").say("psst", to="Alice").reads("[Private to Alice] Bob: psst")
        alice.reads("Alice: hi: all").reads("[Private] Bob: psst")
        bob.page.click("#disconnectBtn")
        bob.reads("[System] You disconnected.").is_content()
        alice.reads("[System] Bob has left the chat").sees_members("Alice").is_content()


def test_a_person_who_disconnected_can_come_back(alice):
    alice.join("Alice")
    button = alice.page.locator("#disconnectBtn")
    button.click()
    expect(button).to_have_text("Connect")
    button.click()
    alice.connected().sees_members("Alice").say("back").reads("Alice: back")


def test_a_member_that_is_clicked_becomes_the_receiver(browser, page_url, alice):
    with ChatPage(browser, page_url) as bob:
        bob.connected().join("Bob")
        alice.join("Alice").page.click("#membersList button:has-text('Bob')")
        expect(alice.page.locator("#toInput")).to_have_value("Bob")
        expect(alice.page.locator("#messageInput")).to_be_focused()
        alice.page.keyboard.type("only you")
        alice.page.keyboard.press("Enter")
        bob.reads("[Private] Alice: only you")


def test_everything_can_be_done_with_the_keyboard_alone(alice):
    keys = alice.page.keyboard
    alice.page.locator("#nameInput").focus()
    keys.type("Alice")
    keys.press("Enter")
    alice.reads("[System] You joined as Alice")
    expect(alice.page.locator("#messageInput")).to_be_focused()
    keys.type("by keyboard")
    keys.press("Enter")
    alice.reads("Alice: by keyboard")
    for wanted in ["sendBtn", "disconnectBtn"]:
        for _ in range(12):
            if alice.page.evaluate("document.activeElement.id") == wanted:
                break
            keys.press("Tab")
        assert alice.page.evaluate("document.activeElement.id") == wanted


def test_every_field_and_region_has_a_name_that_is_read_aloud(alice):
    for label in ["Your name", "To", "Message"]:
        expect(alice.page.get_by_label(label, exact=True)).to_be_visible()
    expect(alice.page.get_by_role("log", name="Messages")).to_have_attribute("aria-live", "polite")
    expect(alice.page.get_by_role("status")).to_have_text("Connected.")
    expect(alice.page.get_by_role("complementary", name=re.compile("Members"))).to_be_visible()


def test_strangers_text_is_text_and_never_runs(server, alice):
    alice.join("Alice")
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    for key in ["publicMessage", "privateMessage", "systemMessage"]:
        server.say({key: f"Eve: {evil}"})
    server.say({"members": ["Alice", evil]})
    server.say({"error": {"code": "x", "message": evil}})
    alice.reads(f"Eve: {evil}").reads(f"[Private] Eve: {evil}").reads(f"[Error] {evil}")
    alice.sees_members(evil, "Alice")
    assert alice.page.title() == "Chat"
    assert alice.page.locator("img, #chatBox script").count() == 0
    alice.is_content()


HOSTILE = {
    "an image": "<img src=x onerror=\"document.title='owned'\">",
    "a vector image": "<svg/onload=document.title='owned'>",
    "the end of a script": "</script><script>document.title='owned'</script>",
    "a link": "<a href=\"javascript:document.title='owned'\">click</a> javascript:document.title='owned'",
    "an attribute": "\" onmouseover=\"document.title='owned'\" x='",
    "a frame": "<iframe srcdoc=\"<script>parent.document.title='owned'</script>\"></iframe>",
    "a comment": "--><!--<style>*{display:none}</style>",
    "a template": "${document.title='owned'} {{constructor.constructor('document.title=1')()}}",
    "a line separator": "before\u2028document.title='owned'\u2029after",
    "an override of direction": "\u202e)'denwo'=eltit.tnemucod(\u202c",
    "an entity": "&lt;img src=x onerror=alert(1)&gt; &#60;b&#62;",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_stays_text_wherever_it_stands(server, alice, text):
    """As a name, a message of each kind, a refusal, a joining, leaving or renamed member."""
    name = text.replace(":", "")  # which no name contains
    alice.join("Alice")
    before = alice.page.evaluate("document.querySelectorAll('*').length")
    for key in ["publicMessage", "privateMessage", "systemMessage"]:
        server.say({key: f"{name}: {text}", "from": name, "text": text})
    server.say({"error": {"code": text, "message": text}})
    server.say({"systemMessage": text, "joined": [text]})
    server.say({"systemMessage": text, "renamed": {"from": text, "to": f"{text}2"}})
    server.say({"members": ["Alice", text]})
    alice.reads(f"{name}: {text}").reads(f"[Private] {name}: {text}").reads(f"[System] {text}").reads(f"[Error] {text}")
    names = alice.page.locator("#membersList li")
    expect(names).to_have_count(2)
    assert text in names.all_text_contents()
    names.filter(has_not_text="Alice").locator("button").click()
    alice.page.mouse.move(1, 1)
    assert alice.page.title() == "Chat"
    assert alice.page.locator("img, svg:not(header svg), iframe, a[href^=javascript], #chatBox script, #chatBox style").count() == 0
    assert alice.page.locator("#chatBox [onmouseover], #membersList [onmouseover]").count() == 0
    assert alice.page.evaluate("document.querySelectorAll('*').length") < before + 60
    alice.is_content()


def test_frames_that_nobody_understands_are_passed_over(server, alice):
    alice.join("Alice")
    for odd in ["no json", "[1]", "7", "null", '{"later":1}', '{"members":7}', '{"error":"plain"}']:
        server.say(odd)
    alice.reads("[Error] plain").say("still here").reads("Alice: still here").is_content()


def test_what_api_gateway_itself_says_is_put_in_words(server, alice):
    server.say('{"message": "Internal server error", "connectionId":"c=", "requestId":"r="}')
    alice.reads("[Error] The chat could not do that: Internal server error (request r=)")


def test_joins_leaves_renames_and_pages_of_large_rooms(server, alice):
    alice.join("Alice")
    server.say({"members": ["Cy"], "page": 2, "pages": 2, "id": "m"})
    server.say({"members": ["Alice", "Bob"], "page": 1, "pages": 2, "id": "m"})
    alice.sees_members("Alice", "Bob", "Cy")
    server.say({"systemMessage": "Dee has joined the chat", "joined": ["Dee"], "id": "n"})
    server.say({"systemMessage": "Bob has left the chat", "left": ["Bob"], "id": "o"})
    server.say({"systemMessage": "Cy is now Zed", "renamed": {"from": "Cy", "to": "Zed"}, "id": "p"})
    alice.sees_members("Alice", "Dee", "Zed")


def test_a_message_delivered_twice_is_shown_once(server, alice):
    alice.join("Alice")
    for _ in range(2):
        server.say({"publicMessage": "Bob: once", "id": "m1"})
    server.say({"publicMessage": "Bob: last", "id": "m2"})
    alice.reads("Bob: last")
    assert alice.lines().count("Bob: once") == 1


def test_a_message_that_is_too_long_is_kept_and_said(server, alice):
    alice.join("Alice").say("é" * 2049)
    expect(alice.page.locator("#messageHint")).to_have_text("Too long by 2 bytes.")
    expect(alice.page.locator("#messageInput")).to_have_value("é" * 2049)
    assert all(message["action"] != "sendPublic" for _, message in server.heard)


def test_a_name_said_in_the_same_breath_as_a_message_comes_first(server, alice):
    alice.page.fill("#nameInput", "Alice")
    alice.page.fill("#messageInput", "at once")
    alice.page.evaluate("setNameBtn.click(); sendBtn.click()")
    alice.reads("Alice: at once")
    expect(alice.page.locator("#chatBox p.mine")).to_have_attribute("data-state", "sent")
    assert [message["action"] for _, message in server.heard] == ["setName", "sendPublic"]


def test_a_lost_connection_comes_back_under_the_same_name(server, alice):
    alice.join("Alice")
    server.cut()
    server.wait(lambda s: (2, {"action": "setName", "name": "Alice"}) in s.heard)
    alice.connected().say("back").reads("Alice: back")


def test_a_message_written_while_the_connection_is_gone_is_kept(chatctl, browser):
    with OldServer() as server:
        running = chatctl.start("open", "--url", server.url)
        url = running.wait_for(r"http://127\.0\.0\.1:\d+/")[0]
        page = ChatPage(browser, url).connected().join("Alice")
        server.server.shutdown()
        server.cut()
        expect(page.page.locator("#status")).to_have_attribute("data-state", re.compile("waiting|connecting"))
        page.say("kept")
        expect(page.page.locator("#messageHint")).to_contain_text("kept")
        expect(page.page.locator("#messageInput")).to_have_value("kept")
        page.context.close()
        assert running.interrupt() == 0


def test_a_heartbeat_goes_out_before_the_gateways_ten_idle_minutes(server, browser, page_url):
    with ChatPage(browser, page_url, clock=True) as alice:
        alice.connected().page.clock.run_for(9 * MINUTE)
        server.wait(lambda s: (1, {"action": "ping"}) in s.heard)
        assert alice.lines() == []


def test_a_peer_that_stops_answering_heartbeats_is_left(browser, chatctl):
    with OldServer(pongs=True) as server:
        running = chatctl.start("open", "--url", server.url)
        with ChatPage(browser, running.wait_for(r"http://127\.0\.0\.1:\d+/")[0], clock=True) as alice:
            alice.connected().page.clock.run_for(5 * MINUTE)
            server.wait(lambda s: len(s.heard) == 1)
            alice.page.wait_for_timeout(0)
            server.pongs = False
            alice.page.clock.run_for(4 * MINUTE)
            server.wait(lambda s: len(s.heard) == 2)
            alice.page.clock.run_for(MINUTE)
            server.wait(lambda s: s.opened == 2)
        assert running.interrupt() == 0


def test_the_connection_is_swapped_before_the_gateways_two_hours(server, browser, page_url):
    with ChatPage(browser, page_url, clock=True) as alice:
        alice.connected().join("Alice")
        alice.page.clock.run_for(111 * MINUTE)
        server.wait(lambda s: s.opened == 2 and len(s.peers) == 1)
        server.wait(lambda s: (2, {"action": "setName", "name": "Alice"}) in s.heard)
        alice.connected().say("after").reads("Alice: after").is_content()


def test_after_a_reconnect_a_name_that_is_still_held_is_asked_for_again(server, browser, page_url):
    asking = {"action": "setName", "name": "Alice"}
    with ChatPage(browser, page_url, clock=True) as alice:
        alice.connected().join("Alice")
        server.refusals = 1
        server.cut()
        server.wait(lambda s: not s.peers)
        alice.page.clock.run_for(2_000)
        server.wait(lambda s: (2, asking) in s.heard)
        expect(alice.page.locator("#nameHint")).to_contain_text("Waiting for the name Alice")
        alice.page.clock.run_for(12_000)
        server.wait(lambda s: s.heard.count((2, asking)) == 2)
        expect(alice.page.locator("#nameHint")).to_be_empty()
        assert not any("taken" in line for line in alice.lines())


def test_a_name_that_somebody_else_has_is_refused_in_words(server, alice):
    server.refusals = 1
    alice.page.fill("#nameInput", "Bob")
    alice.page.click("#setNameBtn")
    alice.reads("[Error] taken")
    expect(alice.page.locator("#nameHint")).to_have_text("taken")
    alice.join("Alice")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(390, 844), (1280, 800)], ids=["phone", "desktop"])
def test_the_page_fits_the_screen_and_its_words_have_contrast(server, browser, page_url, size, scheme, tmp_path):
    viewport = {"width": size[0], "height": size[1]}
    with ChatPage(browser, page_url, viewport=viewport, color_scheme=scheme) as page:
        page.connected().join("Alice")
        server.say({"members": ["Alice", "Bob", "A rather long name of thirty-two"]})
        server.say({"publicMessage": f"Bob: {'a long word ' * 12}{'x' * 120}"})
        server.say({"privateMessage": "Bob: for you alone"})
        server.say({"error": {"code": "rate_limited", "message": "at most 10 messages in 10 seconds"}})
        page.reads("[Error] at most 10 messages in 10 seconds")
        wide = page.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0
        for part in ["#nameInput", "#setNameBtn", "#messageInput", "#sendBtn", "#chatBox", "#disconnectBtn"]:
            expect(page.page.locator(part)).to_be_in_viewport(ratio=0.9)
        assert page.page.evaluate(CONTRAST) >= 4.5
        page.page.screenshot(path=tmp_path / "page.png")


# The lowest contrast (WCAG 2) between any text on the page and what lies behind it.
CONTRAST = """
() => {
  const rgba = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const ratio = (node) => {
    const [a, b] = [light(rgba(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };
  const texts = [...document.querySelectorAll("h1, h2, p, span, strong, label, button, input")];
  return Math.min(...texts.filter((node) => node.checkVisibility()).map(ratio));
}
"""
