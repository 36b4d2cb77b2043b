// Who is on the board: the name of this page's user, and the row of those who are connected. A user id
// is the name, a tilde and four characters, so that two people of one name are two.

const ADJECTIVES = ["Amber", "Brisk", "Calm", "Dusty", "Early", "Gentle", "Hazel", "Ivory", "Keen", "Lucky", "Mossy", "Quiet"];
const ANIMALS = ["Badger", "Crane", "Dormouse", "Finch", "Gecko", "Heron", "Ibis", "Lynx", "Marten", "Otter", "Puffin", "Wren"];
const SHOWN_MAX = 6;
const NAME = "syncline/name";

const pick = (list) => list[Math.floor(Math.random() * list.length)];
const tag = Math.random().toString(36).slice(2, 6).padEnd(4, "0");

/** The user of this page. The name is kept in the browser. */
export function me() {
  let name = clean(read()) || `${pick(ADJECTIVES)} ${pick(ANIMALS)}`;
  write(name);
  return {
    id: () => `${name}~${tag}`,
    name: () => name,
    rename: (wanted) => {
      name = clean(wanted) || name;
      write(name);
    },
  };
}

/** Shows the people of a presence list, this page's user first. */
export function showPeople(list, presence, self, rename) {
  const others = presence
    .map((person) => String(person.user_id ?? person.userId ?? ""))
    .filter((id) => id && id !== self.id())
    .sort();
  const ids = [self.id(), ...new Set(others)];
  if (list.dataset.ids === ids.join("\n")) return;
  list.dataset.ids = ids.join("\n");
  const items = ids.slice(0, SHOWN_MAX).map((id) => {
    const item = document.createElement("li");
    item.append(id === self.id() ? ownBadge(id, rename) : badge("span", id, nameOf(id)));
    return item;
  });
  if (ids.length > SHOWN_MAX) {
    const more = document.createElement("li");
    more.textContent = `+${ids.length - SHOWN_MAX}`;
    more.title = ids.slice(SHOWN_MAX).map(nameOf).join(", ");
    items.push(more);
  }
  list.replaceChildren(...items);
}

function ownBadge(id, rename) {
  const own = badge("button", id, `${nameOf(id)} (you)`);
  own.type = "button";
  own.setAttribute("aria-label", `You are ${nameOf(id)}. Change your name`);
  own.onclick = rename;
  return own;
}

function badge(kind, id, title) {
  const element = document.createElement(kind);
  element.className = "person";
  element.title = title;
  element.style.setProperty("--hue", hue(id));
  const letters = document.createElement("span");
  letters.textContent = initials(nameOf(id));
  letters.ariaHidden = "true";
  const name = document.createElement("span");
  name.className = "visually-hidden";
  name.textContent = title;
  element.append(letters, name);
  return element;
}

const nameOf = (id) => id.replace(/~[a-z0-9]{4}$/, "") || id;
const initials = (name) => name.split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? "").join("").toUpperCase();
const hue = (id) => [...nameOf(id)].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) % 360, 7);
const clean = (name) => String(name ?? "").replaceAll("~", "-").trim().slice(0, 30);

function read() {
  try {
    return localStorage.getItem(NAME);
  } catch {
    return null;
  }
}

function write(name) {
  try {
    localStorage.setItem(NAME, name);
  } catch {
    // Then it is a name for this visit.
  }
}
