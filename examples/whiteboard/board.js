// The notes on the board: shown, dragged, written, coloured and deleted, by pointer and by keyboard.
// The key "note/ID" holds {x, y, text, colour, z}, or null when the note was deleted. What others wrote
// there may be anything: it is read with care.

const WIDTH = 3_000;
const HEIGHT = 2_000;
const NOTE = 200;
const STEP = 10;
const COLOURS = ["yellow", "pink", "blue", "green", "violet", "white"];
const TEXT_MAX = 1_000;
const SEND_EVERY_MS = 60;
const READABLE = 0.7;
const ZOOMS = [0.25, 0.35, 0.5, 0.7, 1, 1.4];
const PREFIX = "note/";

const $ = (id) => document.getElementById(id);

export class Board {
  #workspace;
  #failed;
  #deleted;
  #notes = new Map(); // id -> {element, note}
  #zoom = 1;
  #colour = COLOURS[0];
  #top = 0;
  #fitted = false;
  #drag = null; // {id, dx, dy, x, y, moved}
  #dragged = false;
  #unsent = new Map(); // id -> note: changed and not written yet
  #sending = 0;

  /** `failed(error)` hears of a write that was not taken, `deleted(restore)` of a note that went. */
  constructor({ workspace, failed, deleted }) {
    this.#workspace = workspace;
    this.#failed = failed;
    this.#deleted = deleted;
  }

  start() {
    for (const colour of COLOURS) $("colours").append(this.#swatch(colour));
    $("add").onclick = () => this.#add();
    $("zoom-in").onclick = () => this.#zoomBy(1);
    $("zoom-out").onclick = () => this.#zoomBy(-1);
    $("zoom-all").onclick = () => this.#showAll();
    const board = $("board");
    board.addEventListener("pointerdown", (event) => this.#grab(event));
    board.addEventListener("pointermove", (event) => this.#move(event));
    board.addEventListener("pointerup", (event) => this.#drop(event));
    board.addEventListener("pointercancel", (event) => this.#drop(event));
    board.addEventListener("keydown", (event) => this.#key(event));
    board.addEventListener("input", (event) => this.#typed(event));
    board.addEventListener("click", (event) => this.#click(event));
    board.addEventListener("focusout", ({ target }) => target.matches("textarea") && target.closest(".note").classList.remove("editing"));
    window.addEventListener("pagehide", () => this.#flush());
    this.#workspace.addEventListener("change", ({ detail }) => this.#changed(detail));
    this.#workspace.addEventListener("status", () => this.#opened());
    for (const [key, value] of this.#workspace.entries()) this.#changed({ key, value });
    this.#setZoom(this.#zoom);
  }

  // ---- from the workspace to the page

  #opened() {
    if (this.#workspace.status.state !== "synced") return;
    $("empty").hidden = this.#notes.size > 0;
    if (this.#fitted) return;
    this.#fitted = true;
    this.#showAll();
  }

  #changed({ key, value, mine }) {
    if (!key.startsWith(PREFIX)) return;
    const id = key.slice(PREFIX.length);
    const note = parse(value);
    if (!mine) this.#unsent.delete(id);
    if (note) this.#show(id, note);
    else this.#hide(id);
    $("empty").hidden = this.#notes.size > 0 || !this.#fitted;
  }

  #show(id, note) {
    const known = this.#notes.get(id);
    const element = known?.element ?? this.#make(id);
    this.#notes.set(id, { element, note });
    this.#top = Math.max(this.#top, note.z);
    element.dataset.colour = note.colour;
    element.style.zIndex = note.z;
    element.style.setProperty("--x", `${note.x}px`);
    element.style.setProperty("--y", `${note.y}px`);
    element.setAttribute("aria-label", `${note.colour} note: ${note.text || "empty"}`);
    const text = element.querySelector("textarea");
    if (text.value !== note.text) {
      const { selectionStart, selectionEnd } = text;
      text.value = note.text;
      if (text === document.activeElement) text.setSelectionRange(selectionStart, selectionEnd);
    }
    fitText(text);
  }

  #make(id) {
    const element = $("note-template").content.firstElementChild.cloneNode(true);
    element.dataset.id = id;
    $("board").append(element);
    return element;
  }

  #hide(id) {
    this.#notes.get(id)?.element.remove();
    this.#notes.delete(id);
    if (this.#drag?.id === id) this.#drag = null;
  }

  // ---- from the page to the workspace

  /** Shows a change at once and writes it soon: a note that is dragged is not written at every step. */
  #change(id, change) {
    const known = this.#notes.get(id);
    if (!known) return;
    const note = { ...known.note, ...change };
    this.#show(id, note);
    this.#unsent.set(id, note);
    this.#sending ||= setTimeout(() => this.#flush(), SEND_EVERY_MS);
  }

  #flush() {
    clearTimeout(this.#sending);
    this.#sending = 0;
    for (const [id, note] of this.#unsent) this.#write(id, note);
    this.#unsent.clear();
  }

  #write(id, note) {
    try {
      this.#workspace.set(PREFIX + id, note);
      return true;
    } catch (error) {
      this.#changed({ key: PREFIX + id, value: this.#workspace.get(PREFIX + id) });
      this.#failed(error);
      return false;
    }
  }

  #add() {
    const view = $("scroller");
    const jitter = () => Math.round((Math.random() - 0.5) * 60);
    const x = (view.scrollLeft + view.clientWidth / 2) / this.#zoom - NOTE / 2 + jitter();
    const y = (view.scrollTop + view.clientHeight / 2) / this.#zoom - NOTE / 2 + jitter();
    const id = newId();
    if (this.#write(id, { ...inside(x, y), text: "", colour: this.#colour, z: this.#top + 1 })) this.#edit(id);
  }

  #remove(id) {
    const known = this.#notes.get(id);
    if (!known) return;
    this.#unsent.delete(id);
    const next = known.element.nextElementSibling ?? known.element.previousElementSibling ?? $("add");
    if (!this.#write(id, null)) return;
    next.focus({ preventScroll: true });
    this.#deleted(() => this.#write(id, known.note));
  }

  #edit(id) {
    const { element, note } = this.#notes.get(id) ?? {};
    if (!element) return;
    // Nobody writes with a thumb into a note of the size of one.
    if (this.#zoom < READABLE && matchMedia("(pointer: coarse)").matches) {
      this.#setZoom(1);
      this.#centre(note.x + NOTE / 2, note.y + NOTE / 2);
    }
    element.classList.add("editing");
    element.querySelector("textarea").focus({ preventScroll: true });
  }

  #recolour(id) {
    const at = COLOURS.indexOf(this.#notes.get(id)?.note.colour);
    this.#change(id, { colour: COLOURS[(at + 1) % COLOURS.length] });
  }

  // ---- hands

  #grab(event) {
    const element = event.target.closest(".note");
    this.#dragged = false;
    const busy = this.#drag || event.button !== 0 || event.target.closest("button");
    if (busy || !element || element.classList.contains("editing")) return;
    // A finger on the note itself scrolls the board; it drags by the bar.
    if (event.pointerType === "touch" && !event.target.closest(".bar")) return;
    const { x, y } = this.#notes.get(element.dataset.id).note;
    this.#drag = { id: element.dataset.id, pointer: event.pointerId, fromX: event.clientX, fromY: event.clientY, x, y, moved: false };
    element.setPointerCapture(event.pointerId);
  }

  #move(event) {
    const drag = this.#drag;
    if (drag?.pointer !== event.pointerId) return;
    const dx = event.clientX - drag.fromX;
    const dy = event.clientY - drag.fromY;
    if (!drag.moved && Math.hypot(dx, dy) < 4) return;
    const lifted = drag.moved ? {} : { z: this.#top + 1 };
    drag.moved = true;
    this.#notes.get(drag.id).element.classList.add("dragging");
    this.#change(drag.id, { ...inside(drag.x + dx / this.#zoom, drag.y + dy / this.#zoom), ...lifted });
  }

  #drop(event) {
    const drag = this.#drag;
    if (drag?.pointer !== event.pointerId) return;
    this.#drag = null;
    this.#notes.get(drag.id)?.element.classList.remove("dragging");
    this.#flush();
    // The click that ends a drag is none.
    this.#dragged = drag.moved;
  }

  #click(event) {
    const element = event.target.closest(".note");
    if (!element) return;
    const { id } = element.dataset;
    if (event.target.closest(".delete")) this.#remove(id);
    else if (event.target.closest(".recolour")) this.#recolour(id);
    else if (!this.#dragged && !event.target.closest(".bar")) this.#edit(id);
    this.#dragged = false;
  }

  #typed(event) {
    const id = event.target.closest(".note")?.dataset.id;
    if (id) this.#change(id, { text: event.target.value });
  }

  #key(event) {
    const element = event.target.closest(".note");
    if (event.target.matches("textarea")) {
      if (event.key === "Escape") element.focus();
      return;
    }
    if (event.target !== element || event.ctrlKey || event.metaKey || event.altKey) return;
    const { id } = element.dataset;
    const { x, y } = this.#notes.get(id).note;
    const step = event.shiftKey ? STEP * 5 : STEP;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const move = moves[event.key];
    if (move) this.#change(id, inside(x + move[0], y + move[1]));
    else if (event.key === "Enter") this.#edit(id);
    else if (event.key === "Delete" || event.key === "Backspace") this.#remove(id);
    else if (event.key === "c" || event.key === "C") this.#recolour(id);
    else return;
    event.preventDefault();
    if (move) element.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  #swatch(colour) {
    const label = document.createElement("label");
    label.dataset.colour = colour;
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: "colour", value: colour, checked: colour === this.#colour });
    input.setAttribute("aria-label", colour);
    input.onchange = () => (this.#colour = colour);
    label.append(input);
    return label;
  }

  // ---- eyes

  #zoomBy(steps) {
    const nearest = ZOOMS.reduce((best, zoom) =>
      Math.abs(zoom - this.#zoom) < Math.abs(best - this.#zoom) ? zoom : best);
    const at = Math.min(Math.max(ZOOMS.indexOf(nearest) + steps, 0), ZOOMS.length - 1);
    const view = $("scroller");
    const x = (view.scrollLeft + view.clientWidth / 2) / this.#zoom;
    const y = (view.scrollTop + view.clientHeight / 2) / this.#zoom;
    this.#setZoom(ZOOMS[at]);
    this.#centre(x, y);
  }

  #showAll() {
    const notes = [...this.#notes.values()];
    const view = $("scroller");
    if (notes.length === 0) {
      this.#setZoom(1);
      return this.#centre(WIDTH / 2, HEIGHT / 2);
    }
    const left = Math.min(...notes.map(({ note }) => note.x));
    const top = Math.min(...notes.map(({ note }) => note.y));
    const right = Math.max(...notes.map(({ note }) => note.x + NOTE));
    const bottom = Math.max(...notes.map(({ note, element }) => note.y + element.offsetHeight));
    const fits = Math.min(view.clientWidth / (right - left + 60), view.clientHeight / (bottom - top + 60), 1);
    this.#setZoom(Math.max(fits, ZOOMS[0]));
    this.#centre((left + right) / 2, (top + bottom) / 2);
  }

  #setZoom(zoom) {
    this.#zoom = zoom;
    $("space").style.setProperty("--zoom", zoom);
  }

  #centre(x, y) {
    const view = $("scroller");
    view.scrollTo(x * this.#zoom - view.clientWidth / 2, y * this.#zoom - view.clientHeight / 2);
  }
}

/** A stored value as a note, or nothing when it is none. */
function parse(value) {
  if (typeof value !== "object" || value === null) return null;
  if (!Number.isFinite(value.x) || !Number.isFinite(value.y)) return null;
  return {
    ...inside(value.x, value.y),
    text: typeof value.text === "string" ? value.text.slice(0, TEXT_MAX) : "",
    colour: COLOURS.includes(value.colour) ? value.colour : COLOURS[0],
    z: Number.isSafeInteger(value.z) ? Math.min(Math.max(value.z, 0), 1e9) : 0,
  };
}

const clamp = (value, most) => Math.round(Math.min(Math.max(value, 0), most));
const inside = (x, y) => ({ x: clamp(x, WIDTH - NOTE), y: clamp(y, HEIGHT - NOTE) });

function fitText(text) {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
}

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return [...bytes].map((byte) => byte.toString(36).padStart(2, "0")).join("");
}
