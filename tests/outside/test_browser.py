"""People in a real Chromium, on the page of `chatctl local`, with the deployed chat behind it; and a page that
is not ours, written to the first protocol."""

import http.server
import json
import threading

import pytest
from chatclient import Client
from chatpage import ChatPage, expect


@pytest.fixture
def open_page(browser, deployed_chat):
    pages = []

    def open_one() -> ChatPage:
        pages.append(ChatPage(browser, deployed_chat.page_url))
        return pages[-1].connected()

    yield open_one
    for page in pages:
        page.context.close()


def test_two_browsers_and_a_python_client_chat(open_page, deployed_chat):
    ann, ben = open_page().join("Ann"), open_page().join("Ben")
    ann.reads("[System] Ben has joined the chat")
    with Client(deployed_chat.ws_url) as pia:
        pia.joins("Pia")
        ann.reads("[System] Pia has joined the chat").sees_members("Ann", "Ben", "Pia")
        ann.say("hello: you")
        ben.reads("Ann: hello: you")
        pia.gets(publicMessage="Ann: hello: you")
        ben.say("psst", to="Pia").reads("[Private to Pia] Ben: psst")
        pia.gets(privateMessage="Ben: psst")
        pia.send("sendPrivate", to="Ann", message="and you")
        ann.reads("[Private] Pia: and you")
    ann.reads("[System] Pia has left the chat").sees_members("Ann", "Ben")
    ben.page.click("#disconnectBtn")
    ann.reads("[System] Ben has left the chat").sees_members("Ann")
    assert "psst" not in " ".join(ann.lines())
    ann.is_content()
    ben.is_content()


def test_a_refusal_is_shown_in_words_to_its_sender_alone(open_page):
    ann, ben = open_page().join("Ann2"), open_page()
    ben.page.fill("#nameInput", "Ann2")
    ben.page.click("#setNameBtn")
    expect(ben.page.locator("#nameHint")).to_have_text("somebody has this name already, choose another")
    ben.join("Ben2").say("hello?", to="Nobody at all").reads("[Error] nobody here has that name")
    assert not any("[Error]" in line for line in ann.lines())


def test_a_reload_frees_the_name_and_it_can_be_taken_again(open_page):
    ann, ben = open_page().join("Ann3"), open_page().join("Ben3")
    ann.page.reload()
    ben.reads("[System] Ann3 has left the chat")
    ann.connected().join("Ann3").say("back")
    ben.reads("Ann3: back")


def test_a_rename_is_seen_by_all(open_page):
    ann, ben = open_page().join("Ann4"), open_page().join("Ben4")
    ann.page.fill("#nameInput", "Anna4")
    ann.page.click("#setNameBtn")
    ben.reads("[System] Ann4 is now Anna4").sees_members("Anna4", "Ben4")
    ann.say("me")
    ben.reads("Anna4: me")


# What a page of the first days does: four keys out, four keys in, an address from /get-ws-endpoint.
FOREIGN_PAGE = """<!doctype html><meta charset="utf-8"><ul id="who"></ul><pre id="log"></pre><script>
let socket;
const note = (line) => (log.textContent += line + "\\n");
fetch("/get-ws-endpoint").then((r) => r.json()).then(({ endpoint }) => {
  socket = new WebSocket(endpoint);
  socket.onopen = () => note("open");
  socket.onclose = () => note("closed");
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.systemMessage) note("system " + frame.systemMessage);
    if (frame.publicMessage) note("public " + frame.publicMessage);
    if (frame.privateMessage) note("private " + frame.privateMessage);
    if (frame.members) who.replaceChildren(...frame.members.sort().map((name) => {
      const item = document.createElement("li");
      item.textContent = name;
      return item;
    }));
  };
});
const send = (message) => socket.send(JSON.stringify(message));
</script>"""


@pytest.fixture
def foreign_url(deployed_chat):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            known = self.path == "/get-ws-endpoint"
            body = json.dumps({"endpoint": deployed_chat.ws_url}) if known else FOREIGN_PAGE
            self.send_response(200)
            self.send_header("content-type", "application/json" if known else "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def test_a_page_written_to_the_first_protocol_still_works(browser, foreign_url, open_page):
    ours = open_page().join("Olga")
    context = browser.new_context()
    page = context.new_page()
    page.goto(foreign_url)
    log = page.locator("#log")
    expect(log).to_contain_text("open")
    page.evaluate("send({ action: 'setName', name: 'Fritz' })")
    expect(log).to_contain_text("system Fritz has joined the chat")
    expect(page.locator("#who li")).to_contain_text(["Fritz", "Olga"])
    page.evaluate("send({ action: 'sendPublic', message: 'old but here' })")
    ours.reads("Fritz: old but here").say("welcome", to="Fritz")
    expect(log).to_contain_text("private Olga: welcome")
    page.evaluate("send({ action: 'sendPrivate', to: 'Olga', message: 'thanks' })")
    ours.reads("[Private] Fritz: thanks")
    context.close()
    ours.reads("[System] Fritz has left the chat")
