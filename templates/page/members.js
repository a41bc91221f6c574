// The list of members: whole lists from small rooms, joins and leaves from large ones.

const SUGGESTED = 200; // a longer list of suggestions helps nobody

const order = new Intl.Collator(undefined, { sensitivity: "base", numeric: true });
const compare = (a, b) => order.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);

export class Members {
  #names = [];
  #partial = null;
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

  /** The first member, but for ourselves, whose name begins with this. */
  startingWith(typed) {
    const wanted = typed.toLocaleLowerCase();
    return this.#names.find((name) => name !== this.#me && name.toLocaleLowerCase().startsWith(wanted));
  }

  replace(names) {
    this.#names = [...new Set(names.filter((name) => typeof name === "string"))].sort(compare);
    this.#draw();
  }

  /** A long list comes in pages, in any order; it counts when all are here. */
  takePage(names, id, pages) {
    if (!this.#partial || this.#partial.id !== id) this.#partial = { id, names: [], count: 0 };
    this.#partial.names.push(...names);
    this.#partial.count += 1;
    if (this.#partial.count < pages) return;
    this.replace(this.#partial.names);
    this.#partial = null;
  }

  addAll(names) {
    this.replace([...this.#names, ...names]);
  }

  removeAll(names) {
    const gone = new Set(names);
    this.replace(this.#names.filter((name) => !gone.has(name)));
  }

  rename(from, to) {
    this.replace([...this.#names.filter((name) => name !== from), to]);
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
