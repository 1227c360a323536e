// The operations page, as the gateway shows it now: figures and lists are taken from it again.

const POLL_EVERY = 5000;
const POLL_HIDDEN = 30_000;

const trouble = document.getElementById("trouble");

async function look() {
  const response = await fetch("/operations", { cache: "no-store", redirect: "manual" });
  if (response.type === "opaqueredirect" || response.status === 403) {
    throw new Error("You are signed out. Sign in again to see what goes on.");
  }
  if (!response.ok) throw new Error("What goes on cannot be reached. Trying again…");
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

/** Put in place what differs: who reads a list that stays is not disturbed. */
function show(found) {
  for (const section of document.querySelectorAll("[data-live]")) {
    const now = found.querySelector(`[data-live="${section.dataset.live}"]`);
    if (now && now.innerHTML !== section.innerHTML) section.replaceChildren(...now.childNodes);
  }
}

async function poll() {
  try {
    show(await look());
    trouble.hidden = true;
  } catch (error) {
    trouble.textContent = error instanceof TypeError ? "What goes on cannot be reached. Trying again…" : error.message;
    trouble.hidden = false;
  }
  setTimeout(() => void poll(), document.hidden ? POLL_HIDDEN : POLL_EVERY);
}

setTimeout(() => void poll(), POLL_EVERY);
