// The chat page: what people type becomes frames, frames become words on the page.
//
// Everything that came from someone else is put in with textContent, never as HTML. Older servers
// that know only the first keys of the wire protocol work too; more keys only make it nicer.

import { Connection } from "/connection.js";
import { Members } from "/members.js";

const LONGEST_MESSAGE = 4096; // bytes; the chat refuses more
const KEPT_LINES = 1000;
const REJOIN_PAUSE = 5_000;
const REJOIN_TRIES = 100; // AWS may notice a lost connection only after 10 minutes
const ANSWER_PATIENCE = 10_000; // then what was typed goes out all the same
const NAME_REFUSALS = new Set(["name_taken", "bad_name", "unavailable"]);

const part = (id) => document.getElementById(id);
const chatBox = part("chatBox");
const nameInput = part("nameInput");
const toInput = part("toInput");
const messageInput = part("messageInput");

/** What was already shown, by message id. */
const seen = new Set();

/** What was typed while the chat had not answered about our name yet. */
const outbox = [];

/** Who we are: `name` once the chat has taken it, `asked` while it has not answered. */
const me = { name: "", asked: "", retry: 0, triesLeft: 0, patience: 0 };

const members = new Members(part("membersList"), part("membersCount"), part("memberNames"), (name) => {
  toInput.value = name;
  messageInput.focus();
});

const connection = new Connection(async () => {
  const answer = await fetch("/get-ws-endpoint", { cache: "no-store" });
  const { endpoint, error } = await answer.json();
  if (!endpoint) throw new Error("no endpoint in the answer", { cause: error });
  return endpoint;
});

// ---- what comes in

connection.addEventListener("state", ({ detail: { state, text } }) => {
  part("status").textContent = text;
  part("status").dataset.state = state;
  part("disconnectBtn").textContent = connection.isWanted ? "Disconnect" : "Connect";
  if (state === "closed") members.replace([]);
});

connection.addEventListener("open", () => {
  hint("messageHint", "");
  if (me.asked || me.name) askForName(me.asked || me.name, me.name ? REJOIN_TRIES : 0);
  else flushOutbox();
});

connection.addEventListener("frame", ({ detail: frame }) => {
  if (isRepeated(frame)) return;
  takeMembers(frame);
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
  if (seen.size > KEPT_LINES) seen.delete(seen.values().next().value);
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
  clearTimeout(me.retry);
  clearTimeout(me.patience);
  me.name = taken;
  me.asked = "";
  members.me = taken;
  nameInput.value = taken;
  part("setNameBtn").textContent = "Rename";
  hint("nameHint", "");
  flushOutbox();
}

/** The chat may write a name a little differently, such as full-width letters as plain ones. */
function isSame(name, asked) {
  return typeof name === "string" && name.normalize("NFKC") === asked.normalize("NFKC").trim();
}

function showRefusal(error) {
  const text = typeof error === "string" ? error : error.message || error.code || "refused";
  if (me.asked && NAME_REFUSALS.has(error.code)) {
    if (error.code !== "bad_name" && askAgainLater()) return;
    if (me.name === me.asked) forgetName();
    me.asked = "";
    hint("nameHint", text, "error");
    flushOutbox();
  }
  show("error", "[Error] ", "", text);
}

function forgetName() {
  me.name = "";
  members.me = "";
  part("setNameBtn").textContent = "Join";
}

/** What API Gateway itself says, such as "Internal server error" or "Forbidden". */
function showGatewayError({ message, requestId }) {
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
  me.patience = setTimeout(flushOutbox, ANSWER_PATIENCE);
  me.asked = name;
  me.triesLeft = triesLeft;
  connection.send({ action: "setName", name });
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
  const to = toInput.value.trim();
  if (!message) return;
  const length = new TextEncoder().encode(message).length;
  if (length > LONGEST_MESSAGE) {
    return hint("messageHint", `Too long by ${length - LONGEST_MESSAGE} bytes.`, "error");
  }
  if (!connection.isOpen) {
    return hint("messageHint", "Not connected: your message is kept here.", "error");
  }
  outbox.push({ to, message });
  if (!me.asked) flushOutbox();
  hint("messageHint", "");
  messageInput.value = "";
});

/** The chat handles messages side by side: one sent right after a name might overtake it. */
function flushOutbox() {
  if (!connection.isOpen) return;
  for (const { to, message } of outbox.splice(0)) {
    connection.send(to ? { action: "sendPrivate", to, message } : { action: "sendPublic", message });
    if (to) showSpoken("private mine", `[Private to ${to}] `, `${me.name}: ${message}`);
  }
}

toInput.addEventListener("keydown", (event) => {
  if (event.key === "Escape") toInput.value = "";
});

part("disconnectBtn").addEventListener("click", () => {
  if (!connection.isWanted) return connection.start();
  connection.stop();
  show("system", "[System] ", "", "You disconnected.");
});

// ---- words on the page

function hint(id, text, kind = "") {
  part(id).textContent = text;
  part(id).dataset.kind = kind;
}

/** "Alice: hi" with the name standing out; names hold no colon, so the first one ends it. */
function showSpoken(kind, tag, words, time) {
  const colon = words.indexOf(":");
  const name = colon > 0 ? words.slice(0, colon).trim() : "";
  const mine = name && name === me.name ? " mine" : "";
  show(kind + mine, tag, name, words.slice(colon + 1).trim(), time);
}

function show(kind, tag, name, text, time = Date.now()) {
  const atEnd = chatBox.scrollHeight - chatBox.scrollTop - chatBox.clientHeight < 60;
  const line = document.createElement("p");
  line.className = kind;
  line.dataset.time = new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  line.append(piece("span", "tag", tag), piece("strong", "from", name ? `${name}: ` : ""));
  line.append(piece("span", "text", text));
  chatBox.append(line);
  while (chatBox.childElementCount > KEPT_LINES) chatBox.firstElementChild.remove();
  if (atEnd || kind.includes("mine")) chatBox.scrollTop = chatBox.scrollHeight;
}

/** Its own direction each, so that right-to-left text cannot turn its neighbours around. */
function piece(element, kind, text) {
  const node = document.createElement(element);
  node.className = kind;
  node.dir = "auto";
  node.textContent = text;
  return node;
}

connection.start();
