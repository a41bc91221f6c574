// The list of messages: lines, days, links, what is unread, and what a reload keeps.
//
// Everything that came from someone else is put in with textContent, never as HTML; only http and https
// become links. Reading the layout for each of a thousand lines would be slow: whether the list is at
// its end is known from its scrolling, and it follows once a frame.

const KEPT_LINES = 1000;
const KEPT_OVER_RELOAD = 200;
const NEAR_THE_END = 60; // pixels
const URL_IN_TEXT = /\bhttps?:\/\/[^\s<>"'`]+/gi;
const AFTER_A_URL = /[.,;:!?)\]}]+$/;

export class Log extends EventTarget {
  #box;
  #button;
  #isAtEnd = true;
  #following = false;
  #day = dayOf(Date.now());
  #below = 0;
  #missed = 0;
  #title = document.title;
  #records = [];

  /** `button` leads to new messages below. */
  constructor(box, button) {
    super();
    this.#box = box;
    this.#button = button;
    box.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    button.addEventListener("click", () => this.#toEnd());
    document.addEventListener("visibilitychange", () => this.#countMissed(0));
    new ResizeObserver(() => this.#isAtEnd && this.#follow()).observe(box);
  }

  /** Adds a line: `kind` is its class; `own` a message of ours. */
  add({ kind, tag = "", name = "", text, time = Date.now(), own = null }) {
    const line = document.createElement("p");
    line.className = kind;
    stamp(line, time);
    line.append(piece("span", "tag", tag), piece("strong", "from", name ? `${name}: ` : ""));
    const words = piece("span", "text", "");
    words.append(...linked(text));
    line.append(words);
    this.#separate(time);
    this.#box.append(line);
    this.#records.push({ line, kept: { kind, tag, name, text, time, own } });
    this.#forgetOldest();
    this.#notice(kind);
    return line;
  }

  /** What a reload should keep. */
  kept() {
    const records = this.#records.slice(-KEPT_OVER_RELOAD);
    return records.map(({ line, kept }) => ({ ...kept, state: line.dataset.state }));
  }

  /** The state of a message of ours; one that failed has a button to send it again. */
  mark(line, state, why, time, sendAgain) {
    line.dataset.state = state;
    line.querySelector(".failure")?.remove();
    if (time) stamp(line, time);
    if (state !== "failed") return void (line.title = why);
    const failure = piece("span", "failure", `${why}. `);
    const button = piece("button", "again", "Send again");
    button.type = "button";
    button.addEventListener("click", sendAgain);
    failure.append(button);
    line.append(failure);
    if (this.#isAtEnd) this.#follow();
  }

  #separate(time) {
    const day = dayOf(time);
    if (day === this.#day) return;
    this.#day = day;
    const separator = piece("div", "day", day);
    separator.setAttribute("role", "separator");
    separator.setAttribute("aria-label", day);
    this.#box.append(separator);
  }

  #forgetOldest() {
    while (this.#records.length > KEPT_LINES) this.#records.shift();
    while (this.#box.childElementCount > KEPT_LINES) this.#box.firstElementChild.remove();
  }

  #notice(kind) {
    const isOwn = kind.includes("mine");
    if (this.#isAtEnd || isOwn) this.#follow();
    else if (!kind.includes("system")) this.#countBelow(this.#below + 1);
    if (document.hidden && !isOwn && !kind.includes("system")) this.#countMissed(this.#missed + 1);
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#box;
    this.#isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_THE_END;
    if (this.#isAtEnd) this.#countBelow(0);
  }

  /** Once for all lines of one moment. */
  #follow() {
    this.#isAtEnd = true;
    if (this.#following) return;
    this.#following = true;
    requestAnimationFrame(() => {
      this.#following = false;
      this.#toEnd();
    });
  }

  #toEnd() {
    this.#box.scrollTop = this.#box.scrollHeight;
    this.#countBelow(0);
  }

  #countBelow(count) {
    this.#below = count;
    this.#button.hidden = count === 0;
    this.#button.textContent = count === 1 ? "1 new message" : `${count} new messages`;
  }

  #countMissed(count) {
    this.#missed = document.hidden ? count : 0;
    document.title = this.#missed > 0 ? `(${this.#missed}) ${this.#title}` : this.#title;
  }
}

function stamp(line, time) {
  line.dataset.time = new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

function dayOf(time) {
  return new Date(time).toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
}

/** Its own direction each, so that right-to-left text cannot turn its neighbours around. */
function piece(element, kind, text) {
  const node = document.createElement(element);
  node.className = kind;
  node.dir = "auto";
  node.textContent = text;
  return node;
}

/** The text in pieces, its web addresses as links. */
function linked(text) {
  const pieces = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(URL_IN_TEXT)) {
    const address = found.replace(AFTER_A_URL, "");
    if (!URL.canParse(address)) continue;
    pieces.push(text.slice(end, index), link(address));
    end = index + address.length;
  }
  pieces.push(text.slice(end));
  return pieces;
}

function link(address) {
  const node = document.createElement("a");
  node.href = address;
  node.textContent = address;
  node.target = "_blank";
  node.rel = "noopener noreferrer nofollow ugc";
  return node;
}
