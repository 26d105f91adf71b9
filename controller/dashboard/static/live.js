"use strict";
// Keeps the page current. The server renders everything: when something changed, this asks for the same page
// again and puts its live parts in place. Without script a reload does the same.

const SHORTEST_PAUSE_MS = 500;
const FINAL = ["finished", "failed", "cancelled"];

const live = document.getElementById("live");
let pending = false;
let asked = false;

async function renew() {
  if (pending) {
    asked = true; // one more change while the page is on its way: ask again afterwards
    return;
  }
  pending = true;
  try {
    const response = await fetch(location.href, { headers: { accept: "text/html" } });
    if (response.ok) {
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      announce(page.getElementById("live"));
      page.querySelectorAll("[data-live]").forEach(replacePart);
    }
  } catch {
    // The controller is away for a moment; the next event or interval tries again.
  }
  await new Promise((resume) => setTimeout(resume, SHORTEST_PAUSE_MS));
  pending = false;
  if (asked) {
    asked = false;
    renew();
  }
}

function replacePart(fresh) {
  const old = document.getElementById(fresh.id);
  if (!old || fresh.innerHTML === old.innerHTML) {
    return;
  }
  const selection = getSelection();
  if (!selection.isCollapsed && old.contains(selection.anchorNode)) {
    asked = true; // somebody is copying text: try again until they are done
    return;
  }
  const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  old.innerHTML = fresh.innerHTML;
  if (focused) {
    old.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }
}

// A screen reader is told of a new state, not of every step.
function announce(fresh) {
  const said = fresh?.dataset.announce;
  if (said && said !== live.dataset.announce) {
    live.dataset.announce = said;
    document.getElementById("announcement").textContent = said;
  }
}

function follow(address) {
  const events = new EventSource(address);
  events.addEventListener("job", (event) => {
    renew();
    if (FINAL.includes(JSON.parse(event.data).state)) {
      events.close();
    }
  });
}

if (live.dataset.events) {
  follow(live.dataset.events);
}
if (live.dataset.refreshS) {
  setInterval(() => document.hidden || renew(), 1000 * Number(live.dataset.refreshS));
}
