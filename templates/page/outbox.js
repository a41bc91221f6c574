// Our own messages, from Send to the answer of the chat.
//
// One is under way at a time: API Gateway's own errors name no message, so they are that one's, and the
// chat cannot handle two of ours in the wrong order. An id of our own comes back with the answer. A
// message without an answer may have been sent all the same: it can be sent again with the same id, and
// the chat sends it to nobody twice.

/** Milliseconds. */
export const LIMITS = {
  answer: 10_000,
  window: 10_500, // the chat takes 10 messages within 10 s; a heartbeat may be one of them
  messages: 9,
};

export class Outbox extends EventTarget {
  #prefix = crypto.randomUUID();
  #count = 0;
  #waiting = [];
  #underWay = null;
  #failed = new Map();
  #sentAt = [];
  #answer = 0;
  #pace = 0;
  #send;
  #isReady;

  /** Whether the chat acknowledges private messages; one of the first protocol does not. */
  acknowledges = false;

  /** `send` sends one object over an open connection, and `isReady` says whether it may. */
  constructor(send, isReady) {
    super();
    this.#send = send;
    this.#isReady = isReady;
  }

  /** A new message; "change" tells what becomes of it. */
  add(to, text) {
    this.#count += 1;
    const item = { id: `${this.#prefix}-${this.#count}`, to, text };
    this.#enqueue(item);
    return item;
  }

  /** One that failed, perhaps before a reload, goes out once more. */
  again(item) {
    this.#failed.delete(item.id);
    this.#enqueue(item);
  }

  /** What is kept from before a reload, as failed. */
  restore(item) {
    this.#failed.set(item.id, item);
  }

  /** Something else was sent, which the chat counts too. */
  countOther() {
    this.#sentAt.push(Date.now());
  }

  /** Sends what may be sent now. */
  pump() {
    clearTimeout(this.#pace);
    if (this.#underWay || this.#waiting.length === 0 || !this.#isReady()) return;
    const wait = this.#wait();
    if (wait > 0) {
      for (const item of this.#waiting) this.#tell(item, "waiting", "Waiting: the chat takes 10 messages in 10 s");
      this.#pace = setTimeout(() => this.pump(), wait);
      return;
    }
    this.#go(this.#waiting.shift());
  }

  /** The connection was changed in good order: what was under way goes out over the new one. */
  moved() {
    const item = this.#free();
    if (item) this.#waiting.unshift(item);
  }

  /** The connection is gone, and with it the answer to what was under way. */
  lost() {
    this.#fail("The connection was lost: it may not have been sent");
  }

  /** Whether a frame is the answer to one of our messages. */
  takes(frame, me) {
    const item = this.#of(frame.delivered?.id ?? frame.clientId) ?? this.#echo(frame, me);
    if (!item) return false;
    this.#settle(item, "sent", frame.ts);
    return true;
  }

  /** A refusal: of the message that it names, or of the one under way. */
  refused(id, why) {
    if (id === undefined || id === this.#underWay?.id) this.#fail(why);
  }

  #enqueue(item) {
    this.#waiting.push(item);
    this.#tell(item, "waiting", "Waiting to be sent");
    this.pump();
  }

  /** How long the pace of the chat holds the next one. */
  #wait() {
    const now = Date.now();
    this.#sentAt = this.#sentAt.filter((at) => at > now - LIMITS.window);
    if (this.#sentAt.length < LIMITS.messages) return 0;
    return this.#sentAt[this.#sentAt.length - LIMITS.messages] + LIMITS.window - now;
  }

  #go(item) {
    const { id, to, text: message } = item;
    this.#sentAt.push(Date.now());
    this.#send(to ? { action: "sendPrivate", to, message, id } : { action: "sendPublic", message, id });
    if (to && !this.acknowledges) {
      this.#tell(item, "sent");
      return this.pump();
    }
    this.#underWay = item;
    this.#tell(item, "sending", "Sending");
    this.#answer = setTimeout(() => this.#fail("No answer: it may not have been sent"), LIMITS.answer);
  }

  #of(id) {
    if (id === undefined) return null;
    return id === this.#underWay?.id ? this.#underWay : (this.#failed.get(id) ?? null);
  }

  /** A chat of the first protocol repeats no id. */
  #echo({ publicMessage, clientId }, me) {
    const item = this.#underWay;
    if (!item || item.to || clientId !== undefined) return null;
    return publicMessage === `${me}: ${item.text}` ? item : null;
  }

  #fail(why) {
    const item = this.#free();
    if (!item) return;
    this.#failed.set(item.id, item);
    this.#tell(item, "failed", why);
    this.pump();
  }

  #settle(item, state, time) {
    this.#failed.delete(item.id);
    if (item === this.#underWay) this.#free();
    this.#tell(item, state, "", time);
    this.pump();
  }

  #free() {
    clearTimeout(this.#answer);
    const item = this.#underWay;
    this.#underWay = null;
    return item;
  }

  #tell(item, state, why = "", time = undefined) {
    this.dispatchEvent(new CustomEvent("change", { detail: { item, state, why, time } }));
  }
}
