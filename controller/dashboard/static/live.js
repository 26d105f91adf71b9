"use strict";
// Keeps the page current. The server renders everything: when something changed, this asks for the same page
// again and puts its main part in place. Without script a reload does the same.

const SHORTEST_PAUSE_MS = 500;

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
      replaceLive(page.getElementById("live"));
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

function replaceLive(fresh) {
  const old = document.getElementById("live");
  if (!fresh || fresh.innerHTML === old.innerHTML) {
    return;
  }
  if (!getSelection().isCollapsed) {
    asked = true; // somebody is copying text: try again until they are done
    return;
  }
  const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  old.innerHTML = fresh.innerHTML;
  if (focused) {
    old.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }
}

function follow(address) {
  const events = new EventSource(address);
  events.addEventListener("job", (event) => {
    renew();
    if (["finished", "failed", "cancelled"].includes(JSON.parse(event.data).state)) {
      events.close();
    }
  });
}

const live = document.getElementById("live");
if (live.dataset.events) {
  follow(live.dataset.events);
}
if (live.dataset.refreshS) {
  setInterval(() => document.hidden || renew(), 1000 * Number(live.dataset.refreshS));
}
