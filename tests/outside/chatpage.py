"""The chat page as a person uses it, and the words on it as a person reads them."""

import time

from playwright.sync_api import Browser, Page, expect

PATIENCE = 20_000
expect.set_options(timeout=PATIENCE)


class ChatPage:
    """One open page. Everything that the browser complains about is kept."""

    def __init__(self, browser: Browser, url: str, clock: bool = False, **options):
        self.context = browser.new_context(**options)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._console)
        if clock:
            self.page.clock.install()
        self.page.goto(url)

    def _console(self, message) -> None:
        # A refused WebSocket is logged by the browser itself; the page says it in words.
        if message.type == "error" and "WebSocket" not in message.text and "ERR_CONNECTION" not in message.text:
            self.complaints.append(message.text)

    def __enter__(self) -> "ChatPage":
        return self

    def __exit__(self, *_) -> None:
        self.context.close()

    def connected(self) -> "ChatPage":
        expect(self.page.locator("#status")).to_have_attribute("data-state", "open")
        return self

    def join(self, name: str) -> "ChatPage":
        self.page.fill("#nameInput", name)
        self.page.click("#setNameBtn")
        return self.reads(f"[System] You joined as {name}")

    def say(self, text: str, to: str = "") -> "ChatPage":
        self.page.fill("#toInput", to)
        self.page.fill("#messageInput", text)
        self.page.click("#sendBtn")
        return self

    def reads(self, line: str) -> "ChatPage":
        """Such a line is there, or comes."""
        end = time.monotonic() + PATIENCE / 1000
        while line not in self.lines():
            assert time.monotonic() < end, f"{line!r} is not among {self.lines()}"
            self.page.wait_for_timeout(20)
        return self

    def lines(self) -> list[str]:
        return self.page.locator("#chatBox p").all_text_contents()

    def sees_members(self, *names: str) -> "ChatPage":
        expect(self.page.locator("#membersList li")).to_have_text(list(names))
        return self

    def is_content(self) -> None:
        assert self.complaints == []
