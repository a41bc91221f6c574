// One lasting connection to the chat, made of many short sockets.
//
// API Gateway ends a socket after 10 idle minutes and after 2 hours in any case, so this asks for a
// sign of life every few minutes, opens the next socket before the old one's time is up, and
// comes back by itself with growing, jittered pauses. The page sees three events: "state", "open"
// (on every new socket: introduce yourself again) and "frame".

/** Milliseconds. */
export const TIMES = {
  heartbeat: 4 * 60_000, // well below the gateway's 10 idle minutes
  answer: 30_000, // a peer that answers heartbeats and then does not is gone
  swap: 110 * 60_000, // before the gateway's 2 hours
  handshake: 20_000,
  stable: 10_000, // open for this long: the next trouble is a new one
  firstPause: 500,
  longestPause: 30_000,
};

const NORMAL_CLOSURE = 1000;

/** The pause before attempt number `failures`: doubling, capped, and spread over its upper half. */
export function pause(failures, random = Math.random()) {
  const full = Math.min(TIMES.longestPause, TIMES.firstPause * 2 ** Math.min(failures, 10));
  return full * (0.5 + random / 2);
}

export class Connection extends EventTarget {
  #findEndpoint;
  #wanted = false;
  #socket = null;
  #next = null;
  #failures = 0;
  #retry = 0;
  #stable = 0;
  #beat = 0;
  #swap = 0;
  #answer = 0;
  #answersHeartbeats = false;

  /** `findEndpoint` is asked before every attempt: a redeployed chat may have moved. */
  constructor(findEndpoint) {
    super();
    this.#findEndpoint = findEndpoint;
    window.addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#hurry();
    });
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Whether somebody wants to be connected, now or as soon as it works. */
  get isWanted() {
    return this.#wanted;
  }

  start() {
    this.#wanted = true;
    this.#failures = 0;
    this.#attempt();
  }

  stop() {
    this.#wanted = false;
    clearTimeout(this.#retry);
    this.#retire(this.#next);
    this.#retire(this.#socket);
    this.#next = null;
    this.#socket = null;
    this.#clearTimers();
    this.#say("closed", "Disconnected.");
  }

  /** Sends one object as one frame; false when there is no open socket. */
  send(object) {
    if (!this.isOpen) return false;
    this.#socket.send(JSON.stringify(object));
    return true;
  }

  #say(state, text) {
    this.dispatchEvent(new CustomEvent("state", { detail: { state, text } }));
  }

  #hurry() {
    if (!this.#wanted || !this.#retry) return;
    clearTimeout(this.#retry);
    this.#attempt();
  }

  async #attempt() {
    this.#retry = 0;
    if (!this.#socket) this.#say("connecting", "Connecting…");
    let endpoint;
    try {
      endpoint = await this.#findEndpoint();
    } catch (trouble) {
      this.#again(trouble.cause ?? "chatctl does not answer on this page's address");
      return;
    }
    if (this.#wanted && !this.#next) this.#open(endpoint);
  }

  #open(endpoint) {
    let socket;
    try {
      socket = new WebSocket(endpoint);
    } catch {
      this.#again("the chat's address cannot be used");
      return;
    }
    this.#next = socket;
    const limit = setTimeout(() => socket.close(), TIMES.handshake);
    socket.onopen = () => {
      clearTimeout(limit);
      this.#adopt(socket);
    };
    socket.onmessage = (event) => this.#receive(socket, event.data);
    socket.onclose = (event) => {
      clearTimeout(limit);
      this.#lost(socket, event);
    };
  }

  /** The new socket is up: it takes over, and a former one leaves. */
  #adopt(socket) {
    const former = this.#socket;
    this.#socket = socket;
    this.#next = null;
    this.#retire(former);
    this.#clearTimers();
    this.#stable = setTimeout(() => (this.#failures = 0), TIMES.stable);
    this.#beat = setInterval(() => this.#heartbeat(), TIMES.heartbeat);
    this.#swap = setTimeout(() => this.#attempt(), TIMES.swap);
    this.#say("open", "Connected.");
    this.dispatchEvent(new CustomEvent("open", { detail: { swapped: former !== null } }));
  }

  #retire(socket) {
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(NORMAL_CLOSURE);
  }

  #lost(socket, event) {
    if (socket === this.#next) this.#next = null;
    if (socket === this.#socket) {
      this.#socket = null;
      this.#clearTimers();
    }
    if (this.#wanted && !this.#next) this.#again(closingWords(event));
  }

  #again(why) {
    if (!this.#wanted) return;
    clearTimeout(this.#retry);
    const wait = pause(this.#failures);
    this.#failures += 1;
    this.#retry = setTimeout(() => this.#attempt(), wait);
    if (!this.#socket) {
      this.#say("waiting", `Not connected: ${why}. Next attempt in ${Math.ceil(wait / 1000)} s.`);
    }
  }

  #heartbeat() {
    if (!this.send({ action: "ping" })) return;
    if (!this.#answersHeartbeats) return;
    clearTimeout(this.#answer);
    const socket = this.#socket;
    this.#answer = setTimeout(() => {
      this.#retire(socket);
      this.#lost(socket, { code: 1006 });
    }, TIMES.answer);
  }

  #receive(socket, text) {
    clearTimeout(this.#answer);
    const frame = parse(text);
    if (frame === null || (socket !== this.#socket && socket !== this.#next)) return;
    if ("pong" in frame) {
      this.#answersHeartbeats = true;
      return;
    }
    this.dispatchEvent(new CustomEvent("frame", { detail: frame }));
  }

  #clearTimers() {
    for (const timer of [this.#stable, this.#swap, this.#answer]) clearTimeout(timer);
    clearInterval(this.#beat);
  }
}

/** The frame as an object; null for what is no JSON object. */
function parse(text) {
  try {
    const frame = JSON.parse(text);
    return frame && typeof frame === "object" && !Array.isArray(frame) ? frame : null;
  } catch {
    return null;
  }
}

function closingWords({ code }) {
  switch (code) {
    case 1000:
      return "the chat closed the connection";
    case 1001:
      return "the connection had come to its end";
    case 1006:
      return "the connection was lost or refused";
    case 1009:
      return "the last message was too large";
    default:
      return `the connection was closed with code ${code}`;
  }
}
