// The page: sticky notes of one board, who else is here, and how the connection fares. One key of the
// workspace holds one note; how a key gets to the others is the business of workspace.js.

import { NotTaken, Refused, Workspace } from "./workspace.js";
import { Board } from "./board.js";
import { me, showPeople } from "./people.js";

const PRESENCE_EVERY_MS = 5_000;
const TOAST_MS = 8_000;

const $ = (id) => document.getElementById(id);
const board = new URLSearchParams(location.search).get("board") || "welcome";
const self = me();

/** A token for this board, from the server that serves this page. */
async function grant() {
  const response = await fetch(`/demo/token?board=${encodeURIComponent(board)}`, {
    cache: "no-store",
    signal: AbortSignal.timeout(10_000),
  });
  if (response.ok) return response.json();
  if (response.status === 400) {
    throw new Refused("A board's name is 1 to 64 small letters, digits and hyphens.");
  }
  if (response.status === 403 || response.status === 404) {
    throw new Refused("This server gives out no tokens. Start it with “syncline serve --demo”.");
  }
  throw new Error(`the token was answered with ${response.status}`);
}

const workspace = new Workspace({ name: `demo-${board}`, user: self.id(), grant });
const notes = new Board({
  workspace,
  failed: (error) => {
    if (!(error instanceof NotTaken)) throw error;
    toast(`Not saved: ${error.message}.`);
  },
  deleted: (restore) => toast("Note deleted.", restore),
});

// ---- how the connection fares

let countdown = 0;

function showStatus() {
  const { state, pending, reason, refused, retryAt } = workspace.status;
  document.body.dataset.state = refused ? "refused" : state;
  document.body.dataset.pending = pending;
  const waiting = pending === 1 ? "1 change" : `${pending} changes`;
  const text = {
    connecting: "Connecting…",
    waiting: "Offline",
    stopped: "Stopped",
    synced: pending ? "Saving…" : "Saved",
  }[state];
  setText($("status-text"), refused ? "Not saved" : text);
  // Read aloud: that the board is there, not every save. The banner tells of what is wrong.
  setText($("announcement"), state === "synced" ? "Connected" : "");
  clearInterval(countdown);
  if (refused) showBanner(`The server did not take ${waiting}: ${refused}`);
  else if (state === "stopped") showBanner(reason, "Connect again");
  else if (state === "waiting") {
    const show = () => {
      const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1_000));
      const kept = pending ? ` ${waiting} kept on this device.` : " You can go on working.";
      showBanner(`Offline: ${reason}.${kept}`, seconds ? `Try now (${seconds} s)` : "Trying…");
    };
    show();
    countdown = setInterval(show, 1_000);
  } else if (state === "synced") {
    $("banner").hidden = true;
    setText($("banner-text"), "");
  }
}

function showBanner(text, action = "") {
  setText($("banner-text"), text);
  $("banner-action").textContent = action;
  $("banner-action").hidden = !action;
  $("banner").hidden = false;
}

/** Changes a text only when it is another one, so that screen readers do not repeat themselves. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

workspace.addEventListener("status", showStatus);
$("banner-action").onclick = () => workspace.retry();

let toasting = 0;

function toast(text, undo) {
  clearTimeout(toasting);
  $("toast-text").textContent = text;
  $("toast-action").hidden = !undo;
  $("toast-action").onclick = () => {
    $("toast").hidden = true;
    undo?.();
  };
  $("toast").hidden = false;
  toasting = setTimeout(() => ($("toast").hidden = true), TOAST_MS);
}

// ---- who is here

async function refreshPeople() {
  if (workspace.status.state !== "synced" || document.visibilityState !== "visible") return;
  try {
    showPeople($("people"), await workspace.presence(), self, openRename);
  } catch {
    // The list is as it was; the status tells when the server has gone.
  }
}

let wasSynced = false;
workspace.addEventListener("status", () => {
  const synced = workspace.status.state === "synced";
  if (synced && !wasSynced) refreshPeople();
  if (!synced) showPeople($("people"), [], self, openRename);
  wasSynced = synced;
});
setInterval(refreshPeople, PRESENCE_EVERY_MS);

function openRename() {
  $("rename-name").value = self.name();
  $("rename").showModal();
  $("rename-name").select();
}

$("rename-cancel").onclick = () => $("rename").close();
$("rename-form").onsubmit = (event) => {
  event.preventDefault();
  $("rename").close();
  self.rename($("rename-name").value);
  workspace.rename(self.id());
};

// ---- the rest of the page

$("board-name").textContent = board;
document.title = `${board} · Whiteboard · Syncline`;
$("share").onclick = async () => {
  const link = new URL(`?board=${encodeURIComponent(board)}`, location.href).href;
  try {
    await navigator.clipboard.writeText(link);
    toast("Link copied. Whoever opens it sees this board.");
  } catch {
    toast(link);
  }
};

showPeople($("people"), [], self, openRename);
notes.start();
workspace.start();
