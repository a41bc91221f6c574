// The list of members: whole lists from small rooms, joins and leaves from large ones.

const SUGGESTED = 200; // a longer list of suggestions helps nobody

const order = new Intl.Collator(undefined, { sensitivity: "base", numeric: true });
const compare = (a, b) => order.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);

export class Members {
  #names = [];
  #list;
  #count;
  #suggestions;
  #choose;
  #me = "";
  #drawing = false;

  /** `choose` is called with the name of a member that was clicked. */
  constructor(list, count, suggestions, choose) {
    this.#list = list;
    this.#count = count;
    this.#suggestions = suggestions;
    this.#choose = choose;
  }

  /** Marks our own name. */
  set me(name) {
    this.#me = name;
    this.#draw();
  }

  has(name) {
    return this.#names.includes(name);
  }

  replace(names) {
    this.#names = [...new Set(names.filter((name) => typeof name === "string"))].sort(compare);
    this.#draw();
  }

  add(name) {
    if (!this.has(name)) this.replace([...this.#names, name]);
  }

  remove(name) {
    this.replace(this.#names.filter((other) => other !== name));
  }

  /** Once for all changes of one moment: a burst of joins is drawn once. */
  #draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    queueMicrotask(() => {
      this.#drawing = false;
      this.#count.textContent = String(this.#names.length);
      this.#list.replaceChildren(...this.#names.map((name) => this.#item(name)));
      this.#suggestions.replaceChildren(...this.#names.slice(0, SUGGESTED).map(option));
    });
  }

  #item(name) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.dir = "auto";
    button.textContent = name;
    if (name === this.#me) item.className = "me";
    else button.title = `Write to ${name} alone`;
    button.addEventListener("click", () => this.#choose(name === this.#me ? "" : name));
    item.append(button);
    return item;
  }
}

function option(name) {
  const option = document.createElement("option");
  option.value = name;
  return option;
}
