"""The page's states in a real Chromium: sending, private, unread, reloaded, folded; what axe-core finds in each."""

import json

import pytest
from chatpage import ChatPage, expect
from conftest import ROOT
from oldserver import OldServer

AXE = ROOT / "target/outside-npm/node_modules/axe-core/axe.min.js"
SMALL = {"width": 320, "height": 568}


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


def own(page: ChatPage):
    return page.page.locator("#chatBox p.mine")


def said(server) -> list[dict]:
    return [message for _, message in server.heard if message["action"].startswith("send")]


def test_a_message_shows_that_it_is_sent_and_that_it_came_back(server, alice):
    alice.join("Alice")
    server.deaf = 1
    alice.say("one")
    expect(own(alice)).to_have_attribute("data-state", "sending")
    alice.say("two")
    expect(own(alice).last).to_have_attribute("data-state", "waiting")
    server.say({"publicMessage": "Alice: one"})
    for line in own(alice).all():
        expect(line).to_have_attribute("data-state", "sent")
    assert alice.lines().count("Alice: one") == 1, "its echo is not a second line"


def test_an_error_of_the_gateway_is_that_of_the_message_under_way(server, alice):
    alice.join("Alice")
    server.deaf = 1
    alice.say("one").say("two")
    server.say('{"message":"Endpoint request timed out","connectionId":"c=","requestId":"r="}')
    expect(own(alice).first).to_contain_text("Not sent: Endpoint request timed out")
    expect(own(alice).last).to_have_attribute("data-state", "sent")
    alice.page.get_by_role("button", name="Send again").click()
    expect(own(alice).first).to_have_attribute("data-state", "sent")
    assert [message["message"] for message in said(server)] == ["one", "two", "one"]
    assert said(server)[0]["id"] == said(server)[2]["id"]


def test_an_answer_that_comes_late_counts(server, browser, page_url):
    with ChatPage(browser, page_url, clock=True) as alice:
        alice.connected().join("Alice")
        server.deaf = 1
        alice.say("slow")
        server.wait(lambda s: said(s))
        alice.page.clock.run_for(11_000)
        expect(own(alice)).to_contain_text("No answer: it may not have been sent")
        server.say({"publicMessage": "Alice: slow", "clientId": said(server)[0]["id"], "id": "m"})
        expect(own(alice)).to_have_attribute("data-state", "sent")
        expect(own(alice)).to_have_text("Alice: slow")


def test_the_page_keeps_below_the_rate_and_shows_what_waits(server, browser, page_url):
    with ChatPage(browser, page_url, clock=True) as alice:
        alice.connected().join("Alice")
        for n in range(12):
            alice.say(str(n))
        expect(own(alice).last).to_have_attribute("data-state", "waiting")
        server.wait(lambda s: len(said(s)) == 8)  # and the name
        alice.page.clock.run_for(11_000)
        server.wait(lambda s: len(said(s)) == 12)
        assert [message["message"] for message in said(server)] == [str(n) for n in range(12)]


def test_a_reload_keeps_the_name_the_messages_and_what_was_not_answered(server, alice):
    alice.join("Alice")
    server.say({"publicMessage": "Bob: before", "id": "m1"})
    alice.reads("Bob: before")
    server.deaf = 1
    alice.say("lost")
    server.wait(lambda s: said(s))
    alice.page.reload()
    server.wait(lambda s: (2, {"action": "setName", "name": "Alice"}) in s.heard)
    alice.connected().reads("Bob: before").sees_members("Alice")
    expect(own(alice)).to_contain_text("The page was reloaded")
    alice.page.get_by_role("button", name="Send again").click()
    expect(own(alice)).to_have_attribute("data-state", "sent")
    assert said(server)[0] == said(server)[1]


def test_links_are_links_and_nothing_else_is(server, alice):
    alice.join("Alice")
    server.say({"publicMessage": "Bob: see https://example.com/a?b=1&c=2). or javascript:alert(1) ftp://x.example"})
    link = alice.page.locator("#chatBox a")
    expect(link).to_have_count(1)
    assert link.get_attribute("href") == "https://example.com/a?b=1&c=2"
    assert {"noopener", "noreferrer"} <= set(link.get_attribute("rel").split())
    alice.is_content()


def test_a_message_may_have_several_lines(server, alice):
    alice.join("Alice").page.locator("#messageInput").focus()
    keys = alice.page.keyboard
    keys.type("one")
    keys.press("Shift+Enter")
    keys.type("two")
    keys.press("Enter")
    alice.reads("Alice: one\ntwo")
    assert said(server)[0]["message"] == "one\ntwo"


def test_tab_completes_a_name_and_else_leaves_the_field(server, alice):
    alice.join("Alice")
    server.say({"members": ["Alice", "Bob", "Bea"]})
    alice.sees_members("Alice", "Bea", "Bob").page.locator("#messageInput").focus()
    alice.page.keyboard.type("bo")
    alice.page.keyboard.press("Tab")
    expect(alice.page.locator("#messageInput")).to_have_value("Bob: ")
    alice.page.keyboard.press("Tab")
    expect(alice.page.locator("#sendBtn")).to_be_focused()


def test_a_private_message_is_typed_in_a_mode_of_its_own(server, alice):
    alice.join("Alice")
    server.say({"members": ["Alice", "Bob"]})
    alice.page.click("#membersList button:has-text('Bob')")
    field = alice.page.locator("#messageInput")
    expect(alice.page.locator("#sendBtn")).to_have_text("Send privately")
    expect(field).to_have_attribute("placeholder", "Only Bob will read this")
    field.press("Escape")
    expect(alice.page.locator("#sendBtn")).to_have_text("Send")
    expect(alice.page.locator("#allBtn")).to_be_hidden()


def test_what_was_not_seen_is_counted(server, alice):
    alice.join("Alice")
    for n in range(60):
        server.say({"publicMessage": f"Bob: {n}"})
    alice.reads("Bob: 59")
    box, button = alice.page.locator("#chatBox"), alice.page.locator("#newBtn")
    expect(button).to_be_hidden()
    box.evaluate("box => new Promise(done => { box.onscroll = done; box.scrollTop = 0; })")
    server.say({"publicMessage": "Bob: below"})
    expect(button).to_have_text("1 new message")
    button.click()
    expect(button).to_be_hidden()
    assert box.evaluate("box => box.scrollHeight - box.scrollTop - box.clientHeight") < 2
    alice.page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    server.say({"publicMessage": "Bob: unseen"})
    expect(alice.page).to_have_title("(1) Chat")
    alice.page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    expect(alice.page).to_have_title("Chat")


def test_each_day_begins_with_its_date(server, alice):
    alice.join("Alice")
    server.say({"publicMessage": "Bob: old", "ts": 1_700_000_000_000, "id": "m1"})
    server.say({"publicMessage": "Bob: of that day", "ts": 1_700_000_001_000, "id": "m2"})
    alice.reads("Bob: of that day")
    expect(alice.page.locator("#chatBox .day")).to_have_count(1)
    server.say({"publicMessage": "Bob: today"})
    expect(alice.page.locator("#chatBox .day")).to_have_count(2)


def test_the_focus_begins_in_the_name_and_returns_there_after_a_refusal(server, alice):
    expect(alice.page.locator("#nameInput")).to_be_focused()
    server.refusals = 1
    alice.page.keyboard.type("Bob")
    alice.page.keyboard.press("Enter")
    expect(alice.page.locator("#nameHint")).to_have_text("taken")
    expect(alice.page.locator("#nameInput")).to_be_focused()


def test_a_thousand_messages_come_in_within_seconds_and_the_oldest_go(server, alice):
    alice.join("Alice")
    for n in range(1100):
        server.say({"publicMessage": f"Bob: {n} https://example.com/{n}", "id": f"m{n}"})
    expect(alice.page.locator("#chatBox p").last).to_contain_text("1099", timeout=5000)
    assert alice.page.locator("#chatBox p").count() <= 1000


def test_on_a_small_phone_the_conversation_gets_the_space(server, browser, page_url, tmp_path):
    with ChatPage(browser, page_url, viewport=SMALL) as alice:
        alice.connected().join("Alice")
        server.say({"members": ["Alice", "Bob"]})
        server.say({"publicMessage": f"Bob: {'word ' * 30}{'x' * 90}"})
        alice.sees_members("Alice", "Bob")
        expect(alice.page.locator("#nameForm")).to_be_hidden()
        expect(alice.page.locator("#people")).to_be_hidden()
        size = alice.page.locator("#chatBox").bounding_box()
        assert size["height"] > SMALL["height"] * 0.6, size
        assert alice.page.evaluate("document.documentElement.scrollWidth") <= SMALL["width"]
        alice.page.screenshot(path=tmp_path / "small.png")
        alice.page.click("#peopleBtn")
        alice.page.click("#membersList button:has-text('Bob')")
        expect(alice.page.locator("#people")).to_be_hidden()
        expect(alice.page.locator("#messageInput")).to_be_focused()
        alice.page.screenshot(path=tmp_path / "private.png")
        alice.page.click("#nameBtn")
        expect(alice.page.locator("#nameInput")).to_be_visible()


LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
    "small": {"viewport": SMALL, "color_scheme": "dark"},
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_axe_finds_nothing_in_any_state(server, browser, page_url, look, tmp_path):
    with ChatPage(browser, page_url, reduced_motion="reduce", **look) as alice:
        finds_nothing(alice, tmp_path / "start.png")
        alice.connected().join("Alice")
        server.say({"members": ["Alice", "Bob"]})
        server.say({"publicMessage": "Bob: see https://example.com/", "ts": 1_700_000_000_000, "id": "m"})
        server.say({"privateMessage": "Bob: psst"})
        server.say({"error": {"code": "x", "message": "no"}})
        alice.reads("[Error] no").sees_members("Alice", "Bob")
        server.deaf = 1
        alice.page.fill("#messageInput", "hello")
        alice.page.press("#messageInput", "Enter")
        server.wait(lambda s: said(s))
        finds_nothing(alice, tmp_path / "sending.png")
        server.say('{"message":"Too Many Requests","connectionId":"c=","requestId":"r="}')
        expect(own(alice)).to_have_attribute("data-state", "failed")
        finds_nothing(alice, tmp_path / "failed.png")
        if alice.page.locator("#peopleBtn").is_visible():
            alice.page.click("#peopleBtn")
            finds_nothing(alice, tmp_path / "members.png")
        alice.page.click("#membersList button:has-text('Bob')")
        finds_nothing(alice, tmp_path / "private.png")
        alice.is_content()


def finds_nothing(page: ChatPage, picture) -> None:
    page.page.screenshot(path=picture)
    assert AXE.is_file(), "axe-core is missing: npm install --prefix target/outside-npm --no-save axe-core@4.14.1"
    page.page.evaluate(AXE.read_text())
    found = page.page.evaluate("axe.run()")["violations"]
    told = [(one["id"], one["help"], [node["html"] for node in one["nodes"]]) for one in found]
    assert told == [], json.dumps(told, indent=1)
