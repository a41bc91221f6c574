// The chat page: what people type becomes frames, frames become words on the page.
//
// Everything that came from someone else is put in with textContent, never as HTML. Older servers
// that know only the first keys of the wire protocol work too; more keys only make it nicer.

import { Connection } from "/connection.js";
import { Log } from "/log.js";
import { Members } from "/members.js";
import { Notifier } from "/notify.js";
import { Outbox } from "/outbox.js";

const LONGEST_MESSAGE = 4096; // bytes; the chat refuses more
const REMEMBERED = 1000;
const REJOIN_PAUSE = 5_000;
const REJOIN_TRIES = 100; // AWS may notice a lost connection only after 10 minutes
const ANSWER_PATIENCE = 10_000; // then what was typed goes out all the same
const NAME_REFUSALS = new Set(["name_taken", "bad_name", "unavailable"]);
const KEPT = "chat"; // what a reload of this tab keeps

const part = (id) => document.getElementById(id);
const nameInput = part("nameInput");
const toInput = part("toInput");
const messageInput = part("messageInput");

/** What was already shown, by message id. */
const seen = new Set();

/** The line of each message of ours, by its id. */
const ownLines = new Map();

/** Who we are: `name` once the chat has taken it, `asked` while it has not answered. */
const me = { name: "", asked: "", retry: 0, triesLeft: 0, patience: 0, waitedFor: false };

const log = new Log(part("chatBox"), part("newBtn"));
const notifier = new Notifier(part("notifyBtn"));

const members = new Members(part("membersList"), part("membersCount"), part("memberNames"), (name) => {
  toInput.value = name;
  showMode();
  part("people").classList.remove("unfolded");
  messageInput.focus();
});

const connection = new Connection(async () => {
  const answer = await fetch("/get-ws-endpoint", { cache: "no-store" });
  const { endpoint, error } = await answer.json();
  if (!endpoint) throw new Error("no endpoint in the answer", { cause: error });
  return endpoint;
});

// The chat handles messages side by side: one sent right after a name might overtake it.
const outbox = new Outbox(
  (message) => connection.send(message),
  () => connection.isOpen && (!me.asked || me.waitedFor),
);

// ---- what comes in

connection.addEventListener("state", ({ detail: { state, text } }) => {
  part("status").textContent = text;
  part("status").dataset.state = state;
  part("disconnectBtn").textContent = connection.isWanted ? "Disconnect" : "Connect";
  if (state === "closed") members.replace([]);
  if (!connection.isOpen) outbox.lost();
});

connection.addEventListener("open", ({ detail: { swapped } }) => {
  hint("messageHint", "");
  if (swapped) outbox.moved();
  if (me.asked || me.name) askForName(me.asked || me.name, me.name ? REJOIN_TRIES : 0);
  else outbox.pump();
});

connection.addEventListener("frame", ({ detail: frame }) => {
  if (isRepeated(frame)) return;
  outbox.acknowledges ||= typeof frame.id === "string";
  takeMembers(frame);
  if (outbox.takes(frame, me.name)) return;
  if (frame.systemMessage) show("system", "[System] ", "", String(frame.systemMessage), frame.ts);
  if (frame.publicMessage) showSpoken("public", "", String(frame.publicMessage), frame.ts);
  if (frame.privateMessage) showSpoken("private", "[Private] ", String(frame.privateMessage), frame.ts);
  if (frame.error) showRefusal(frame.error);
  else if (frame.message && frame.requestId) showGatewayError(frame);
  noticeOwnName(frame);
});

/** One message may be delivered twice; all frames that it causes share an id. */
function isRepeated(frame) {
  if (!frame.id) return false;
  const key = [frame.id, Object.keys(frame)[0], frame.page].join("/");
  if (seen.has(key)) return true;
  seen.add(key);
  if (seen.size > REMEMBERED) seen.delete(seen.values().next().value);
  return false;
}

/** Small rooms send the whole list, large ones send pages of it and then only who came and went. */
function takeMembers({ members: names, id, pages, joined, left, renamed }) {
  if (Array.isArray(names)) members.takePage(names, id, pages ?? 1);
  if (Array.isArray(joined)) members.addAll(joined);
  if (Array.isArray(left)) members.removeAll(left);
  if (renamed) members.rename(renamed.from, renamed.to);
}

/** The chat never says "you are Alice now"; that Alice is a member says it. */
function noticeOwnName(frame) {
  if (!me.asked) return;
  const named = [...(frame.members ?? []), ...(frame.joined ?? []), frame.renamed?.to];
  const joined = frame.systemMessage === `${me.asked} has joined the chat`;
  const taken = named.find((name) => isSame(name, me.asked)) ?? (joined ? me.asked : "");
  if (!taken) return;
  if (!me.name) show("system", "[System] ", "", `You joined as ${taken}`);
  nameIs(taken);
  hint("nameHint", "");
  outbox.pump();
}

function nameIs(name) {
  clearTimeout(me.retry);
  clearTimeout(me.patience);
  me.name = name;
  me.asked = "";
  members.me = name;
  if (name) nameInput.value = name;
  part("setNameBtn").textContent = name ? "Rename" : "Join";
  part("nameBtn").textContent = name || "Name";
  document.body.classList.toggle("joined", name !== "");
}

/** The chat may write a name a little differently, such as full-width letters as plain ones. */
function isSame(name, asked) {
  return typeof name === "string" && name.normalize("NFKC") === asked.normalize("NFKC").trim();
}

function showRefusal(error) {
  const text = typeof error === "string" ? error : error.message || error.code || "refused";
  if (me.asked && NAME_REFUSALS.has(error.code)) {
    if (error.code !== "bad_name" && askAgainLater()) return;
    nameRefused(text);
  } else {
    outbox.refused(error.id, "Not sent");
  }
  show("error", "[Error] ", "", text);
}

function nameRefused(text) {
  nameIs(me.name === me.asked ? "" : me.name);
  hint("nameHint", text, "error");
  document.body.classList.remove("joined"); // a folded name field unfolds
  nameInput.focus();
  nameInput.select();
  outbox.pump();
}

/** What API Gateway itself says, such as "Internal server error" or "Too Many Requests". */
function showGatewayError({ message, requestId }) {
  outbox.refused(undefined, `Not sent: ${message}`);
  show("error", "[Error] ", "", `The chat could not do that: ${message} (request ${requestId})`);
}

/** After a reconnect our own former connection may still hold the name: try for a while. */
function askAgainLater() {
  if (me.triesLeft <= 0) return false;
  const name = me.asked;
  hint("nameHint", `Waiting for the name ${name} to become free again…`);
  clearTimeout(me.retry);
  me.retry = setTimeout(() => askForName(name, me.triesLeft - 1), REJOIN_PAUSE * (1 + Math.random()));
  return true;
}

// ---- what goes out

function askForName(name, triesLeft) {
  clearTimeout(me.retry);
  clearTimeout(me.patience);
  me.waitedFor = false;
  me.patience = setTimeout(() => {
    me.waitedFor = true;
    outbox.pump();
  }, ANSWER_PATIENCE);
  me.asked = name;
  me.triesLeft = triesLeft;
  if (connection.send({ action: "setName", name })) outbox.countOther();
}

part("nameForm").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = nameInput.value.trim();
  if (!name) return hint("nameHint", "Type a name first.", "error");
  hint("nameHint", connection.isOpen ? "" : "You will join as soon as the connection is up.");
  askForName(name, 0);
  messageInput.focus();
});

part("messageForm").addEventListener("submit", (event) => {
  event.preventDefault();
  const message = messageInput.value.trim();
  if (!message) return;
  const length = new TextEncoder().encode(message).length;
  if (length > LONGEST_MESSAGE) {
    return hint("messageHint", `Too long by ${length - LONGEST_MESSAGE} bytes.`, "error");
  }
  if (!connection.isOpen) {
    return hint("messageHint", "Not connected: your message is kept here.", "error");
  }
  if (!me.name && !me.asked) {
    hint("messageHint", "Join with a name first.", "error");
    return nameInput.focus();
  }
  outbox.add(toInput.value.trim(), message);
  hint("messageHint", "");
  messageInput.value = "";
  messageInput.rows = 1;
});

/** A message of ours stands there from the moment it is sent, with what became of it. */
outbox.addEventListener("change", ({ detail: { item, state, why, time } }) => {
  const line = ownLines.get(item.id) ?? showOwn(item);
  log.mark(line, state, why, time, () => outbox.again(item));
  if (state === "failed") announce(`${why}: ${item.text.slice(0, 80)}`);
});

function showOwn(item) {
  const name = me.name || me.asked;
  const tag = item.to ? `[Private to ${item.to}] ` : "";
  const kind = item.to ? "private mine" : "public mine";
  const line = log.add({ kind, tag, name, text: item.text, own: item });
  ownLines.set(item.id, line);
  if (ownLines.size > REMEMBERED) ownLines.delete(ownLines.keys().next().value);
  return line;
}

part("disconnectBtn").addEventListener("click", () => {
  if (!connection.isWanted) return connection.start();
  connection.stop();
  show("system", "[System] ", "", "You disconnected.");
});

// ---- typing

/** Enter sends, Shift and Enter begins a new line, Tab completes a member's name. */
messageInput.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    part("messageForm").requestSubmit();
  } else if (event.key === "Tab" && !event.shiftKey && completeName()) {
    event.preventDefault();
  } else if (event.key === "Escape") {
    writeToAll();
  }
});

messageInput.addEventListener("input", () => {
  messageInput.rows = Math.min(6, messageInput.value.split("\n").length);
});

function completeName() {
  const { value, selectionStart: at, selectionEnd } = messageInput;
  const typed = value.slice(0, at).match(/\S+$/)?.[0];
  if (!typed || at !== selectionEnd) return false;
  const name = members.startingWith(typed);
  if (!name) return false;
  const start = at - typed.length;
  messageInput.setRangeText(start === 0 ? `${name}: ` : `${name} `, start, at, "end");
  return true;
}

toInput.addEventListener("input", showMode);
toInput.addEventListener("keydown", (event) => {
  if (event.key === "Escape") writeToAll();
});
part("allBtn").addEventListener("click", () => {
  writeToAll();
  messageInput.focus();
});

function writeToAll() {
  toInput.value = "";
  showMode();
}

/** A private message must not look like one to all while it is typed. */
function showMode() {
  const to = toInput.value.trim();
  part("messageForm").classList.toggle("private", to !== "");
  part("allBtn").hidden = to === "";
  part("sendBtn").textContent = to ? "Send privately" : "Send";
  messageInput.placeholder = to ? `Only ${to} will read this` : "Say something";
}

// ---- what folds away on a phone

function unfolds(button, target) {
  part(button).addEventListener("click", () => {
    const isOpen = part(target).classList.toggle("unfolded");
    part(button).setAttribute("aria-expanded", String(isOpen));
  });
}

unfolds("peopleBtn", "people");
unfolds("nameBtn", "nameForm");

// ---- words on the page

function hint(id, text, kind = "") {
  part(id).textContent = text;
  part(id).dataset.kind = kind;
}

/** For those who hear the page: a line that changes is not read again. */
function announce(text) {
  part("announcement").textContent = text;
}

/** "Alice: hi" with the name standing out; names hold no colon, so the first one ends it. */
function showSpoken(kind, tag, words, time) {
  const colon = words.indexOf(":");
  const name = colon > 0 ? words.slice(0, colon).trim() : "";
  const mine = name && name === me.name ? " mine" : "";
  const text = words.slice(colon + 1).trim();
  show(kind + mine, tag, name, text, time);
  if (!mine) notifier.tell(kind, name, text);
}

function show(kind, tag, name, text, time) {
  log.add({ kind, tag, name, text, time });
}

// ---- a reload of this tab

window.addEventListener("pagehide", () => {
  sessionStorage.setItem(KEPT, JSON.stringify({ name: me.name, lines: log.kept() }));
});

function restore() {
  let kept = null;
  try {
    kept = JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    return; // of another version
  }
  for (const line of kept?.lines ?? []) restoreLine(line);
  if (kept?.name) nameIs(kept.name);
}

/** Of what had no answer before the reload, nobody will tell us. */
function restoreLine({ state, ...line }) {
  const shown = log.add(line);
  if (!line.own || state === "sent") return;
  outbox.restore(line.own);
  ownLines.set(line.own.id, shown);
  const why = "The page was reloaded: it may not have been sent";
  log.mark(shown, "failed", why, line.time, () => outbox.again(line.own));
}

restore();
if (!me.name) nameInput.focus();
connection.start();
