// Quiet notifications of messages that come while the page is not looked at, if the person wants them.

export class Notifier {
  #button;
  #isOn = false;

  /** `button` turns them on and off. */
  constructor(button) {
    this.#button = button;
    button.hidden = !("Notification" in window);
    button.addEventListener("click", () => this.#toggle());
  }

  /** The words of a private message stay on the page. */
  tell(kind, name, text) {
    if (!this.#isOn || !document.hidden) return;
    const isPrivate = kind.includes("private");
    const title = isPrivate ? `Private message from ${name}` : name;
    const body = isPrivate ? "" : text.slice(0, 100);
    try {
      const notification = new Notification(title, { body, silent: true, tag: "chat" });
      notification.onclick = () => window.focus();
    } catch {
      this.#button.hidden = true; // browsers of phones know it, and do not let pages do it
      this.#isOn = false;
    }
  }

  async #toggle() {
    const isOn = !this.#isOn && (await Notification.requestPermission()) === "granted";
    this.#isOn = isOn;
    this.#button.setAttribute("aria-pressed", String(isOn));
  }
}
