"use strict";
// Makes the pages live, and sends commands with the key. The key is kept by this tab alone and sent in a header, nowhere else.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const SLOW_MS = 30000, AGAIN_MS = 5000, SAID_MS = 12000;
  const store = "adit-key";
  const at = (id) => document.getElementById(id);
  const key = () => sessionStorage.getItem(store);

  // `…/#key=…`, as the terminal prints it: what stands behind # is not sent to anybody.
  const given = /^#key=([\w.-]+)$/.exec(location.hash);
  if (given) {
    sessionStorage.setItem(store, given[1]);
    history.replaceState(null, "", location.pathname + location.search);
  }

  const headers = (more) => (key() ? { ...more, Authorization: `Bearer ${key()}` } : more);

  let silence;
  const say = (text) => {
    at("say").textContent = text;
    clearTimeout(silence);
    silence = setTimeout(() => { at("say").textContent = ""; }, SAID_MS);
  };

  const here = (live) => {
    const url = new URL(location.href);
    url.hash = "";
    if (live) url.searchParams.set("live", "1");
    return url;
  };

  const fetched = async (url) => {
    const response = await fetch(url, { headers: headers({ Accept: "text/html" }), cache: "no-store" });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    return { status: response.status, page };
  };

  // The new content of a part of the page; what had the focus keeps it.
  const renew = (old, fresh) => {
    if (old.innerHTML === fresh.innerHTML) return;
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    const opened = [...old.querySelectorAll("details")].map((it) => it.open);
    old.innerHTML = fresh.innerHTML;
    old.querySelectorAll("details").forEach((it, index) => { it.open = opened[index] ?? it.open; });
    if (focused) at(focused)?.focus({ preventScroll: true });
  };

  let slowAt = Date.now(), busy = false;
  const refresh = async () => {
    if (busy || document.hidden) return;
    busy = true;
    try {
      const slow = Date.now() - slowAt >= SLOW_MS;
      const { status, page } = await fetched(here(!slow));
      if (status !== 200) return;
      if (slow) slowAt = Date.now();
      const parts = document.querySelectorAll(slow ? "[data-live], [data-slow]" : "[data-live]");
      const main = page.querySelector("main");
      if ([...parts].some((part) => part.hasAttribute("data-live") && !page.getElementById(part.id))) {
        return location.reload(); // the page has become another one, such as by the first pool
      }
      if (main) for (const part of parts) {
        const fresh = page.getElementById(part.id);
        if (fresh) renew(part, fresh);
      }
    } finally {
      busy = false;
    }
  };

  // EventSource cannot send a key, so the stream is read by hand.
  const follow = async () => {
    for (;;) {
      try {
        const response = await fetch("live", { headers: headers({ Accept: "text/event-stream" }), cache: "no-store" });
        if (!response.ok) throw new Error(String(response.status));
        at("live").textContent = "live";
        const reader = response.body.getReader();
        for (;;) {
          const { done, value } = await reader.read();
          if (done) break;
          if (value.includes(10)) await refresh(); // a line, whatever it says: something is new
        }
      } catch { /* said below */ }
      at("live").textContent = "not connected, trying again";
      await new Promise((later) => setTimeout(later, AGAIN_MS));
      await refresh().catch(() => {});
    }
  };

  const request = (form) => {
    const wanted = { command: form.dataset.command };
    if (form.dataset.device) wanted.device = form.dataset.device;
    if (form.dataset.pool) wanted.pool = Number(form.dataset.pool);
    if (form.dataset.pools) wanted.pools = form.dataset.pools.split(",").map(Number);
    for (const field of form.querySelectorAll("input[name]")) {
      const text = field.value.trim();
      if (text !== "") wanted[field.name] = field.type === "number" ? Number(text) : text;
    }
    if (wanted.address) { // the user name is the address, with the worker behind it
      wanted.user = wanted.worker ? `${wanted.address}.${wanted.worker}` : wanted.address;
      wanted.user_is_address = true;
      delete wanted.address;
      delete wanted.worker;
    }
    return wanted;
  };

  const command = async (wanted) => {
    const response = await fetch("api/v1/commands", {
      method: "POST", headers: headers({ "Content-Type": "application/json" }), body: JSON.stringify(wanted),
    });
    const answer = await response.json();
    return { done: response.ok, sentence: answer.sentence ?? answer.detail ?? answer.title };
  };

  const send = async (form) => {
    if (!key()) {
      say("A key is needed: give it in the field above.");
      return at("key")?.focus();
    }
    if (form.dataset.ask && !confirm(form.dataset.ask)) return;
    const buttons = form.querySelectorAll("button");
    buttons.forEach((it) => { it.disabled = true; });
    try {
      let { done, sentence } = await command(request(form));
      if (done && form.dataset.then) {
        const then = await command({ command: form.dataset.then });
        sentence += `; ${then.sentence}`;
      }
      say(sentence);
      if (done) form.querySelectorAll("input[type=password]").forEach((it) => { it.value = ""; });
      await refresh();
    } catch (error) {
      say(`adit does not answer: ${error.message}`);
    } finally {
      buttons.forEach((it) => { it.disabled = false; });
    }
  };

  const showKey = () => {
    const form = at("key-form");
    if (!form) return;
    const known = Boolean(key());
    for (const it of form.querySelectorAll("label, input, button, #key-why")) it.hidden = known;
    if (at("key-hint")) at("key-hint").hidden = known;
    form.querySelector("input").required = !known;
    at("key-forget").hidden = at("key-known").hidden = !known;
  };

  // A page that shows nothing without a key is asked for again with it.
  const unlock = async () => {
    const { status, page } = await fetched(here(false));
    if (status === 401) {
      sessionStorage.removeItem(store);
      showKey();
      return say("This key is not known, or has expired.");
    }
    root.removeAttribute("data-locked");
    document.title = page.title;
    document.querySelector("header").replaceWith(page.querySelector("header"));
    document.querySelector("main").replaceWith(page.querySelector("main"));
    showKey();
    follow();
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.id === "key-form") {
      event.preventDefault();
      sessionStorage.setItem(store, at("key").value.trim());
      at("key").value = "";
      showKey();
      if (root.hasAttribute("data-locked")) unlock(); else say("The key is used for commands from now on.");
    } else if (form.dataset.command) {
      event.preventDefault();
      send(form);
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.id !== "key-forget") return;
    sessionStorage.removeItem(store);
    showKey();
    if (!root.hasAttribute("data-locked")) location.reload();
  });
  document.addEventListener("visibilitychange", () => { refresh().catch(() => {}); });

  showKey();
  if (!root.hasAttribute("data-locked")) follow();
  else if (key()) unlock();
})();
