// Keeps a page of the dashboard live. Without it the page is one of forms and links.
"use strict";

(() => {
  const SILENT_MS = 12000; // the server says something every five seconds
  const SURE_MS = 6000;
  const TYPED_MS = 250;
  const SAID_MS = 15000;
  const up = document.documentElement.dataset.up;
  const root = new URL(up || "./", location.href);
  const acts = document.getElementById("acts");
  const find = document.getElementById("find");
  const link = document.getElementById("link");
  const said = document.getElementById("said");
  const selected = document.getElementById("selected");
  // all jobs that match, ticked by this one box
  const matching = document.querySelector("input[name=matching]");
  let stream = null;
  let lastAt = new Date();
  let silence = 0;
  let held = "";
  // how many match, in words, once the server has said so
  let matched = "";
  let telling = 0;

  // what was done is news for a while
  function say(words) {
    said.textContent = words;
    clearTimeout(telling);
    telling = setTimeout(() => { said.textContent = ""; }, SAID_MS);
  }

  const clock = (at) => at.toLocaleTimeString([], { hour12: false });
  const boxes = () => [...document.querySelectorAll("input[name=job][type=checkbox]")];
  const ticked = () => boxes().filter((box) => box.checked);

  // --- what comes from the server -----------------------------------------------------------------------------------

  function here() {
    return location.pathname.slice(root.pathname.length) + location.search;
  }

  function connect() {
    if (stream) stream.close();
    clearTimeout(silence);
    if (document.hidden || !document.querySelector("[data-part]")) return;
    const at = here() + (held ? (location.search ? "&" : "?") + "held=" + encodeURIComponent(held) : "");
    const mine = new EventSource(new URL("live?at=" + encodeURIComponent(at), root));
    stream = mine;
    mine.onmessage = (event) => {
      if (mine !== stream) return;
      lastAt = new Date();
      show(JSON.parse(event.data));
      isLive();
    };
    mine.onerror = () => {
      if (mine !== stream) return;
      isLost();
      // the browser tries again by itself, but not after an answer that is no stream
      if (mine.readyState === EventSource.CLOSED) silence = setTimeout(connect, 3000);
    };
    silence = setTimeout(isLost, SILENT_MS);
  }

  function show(parts) {
    for (const [name, html] of Object.entries(parts)) {
      const element = document.getElementById("part-" + name);
      if (element) morph(element, html);
    }
    if (Object.keys(parts).length) count();
  }

  function isLive() {
    clearTimeout(silence);
    silence = setTimeout(() => { isLost(); connect(); }, SILENT_MS);
    if (document.body.dataset.link === "live") return;
    document.body.dataset.link = "live";
    link.textContent = "live";
  }

  function isLost() {
    document.body.dataset.link = "lost";
    const words = "connection lost, last live at " + clock(lastAt) + "; trying again";
    if (link.textContent !== words) link.textContent = words;
  }

  // --- what is chosen ------------------------------------------------------------------------------------------------

  function go(address) {
    held = "";
    history.pushState(null, "", address);
    follow();
  }

  function follow() {
    clear();
    connect();
  }

  function chosen() {
    const given = new URLSearchParams(new FormData(find));
    for (const [name, value] of [...given]) if (!value) given.delete(name);
    return "./?" + given;
  }

  function fill() {
    const given = new URLSearchParams(location.search);
    for (const field of find ? find.elements : []) {
      if (!field.name || field === document.activeElement) continue;
      const usual = field.tagName === "SELECT" ? defaultOf(field, given) : "";
      field.value = given.get(field.name) || usual;
    }
  }

  function defaultOf(field, given) {
    if (field.name === "order") return /^(job|state|queue|function)$/.test(given.get("sort") || "") ? "up" : "down";
    return field.name === "rows" ? "25" : field.options[0].value;
  }

  // --- what is ticked and pressed ------------------------------------------------------------------------------------

  function count() {
    const number = ticked().length;
    const all = document.querySelector("[data-all]");
    if (all) {
      all.hidden = false;
      all.checked = number > 0 && number === boxes().length;
      all.indeterminate = number > 0 && number < boxes().length;
    }
    const words = isAll() ? "all " + matched + "that match" : number + " selected";
    tell(number || isAll() ? words : "Tick the boxes of jobs to act on them");
    const wanted = number ? boxes().map((box) => box.value).join(",") : "";
    if (Boolean(wanted) !== Boolean(held)) {
      held = wanted;
      connect();
    }
  }

  const isAll = () => Boolean(matching && matching.checked);

  function tell(words) {
    if (selected && selected.textContent !== words) selected.textContent = words;
  }

  // asks the server, as it alone knows those that are not listed
  async function match() {
    matched = "";
    count();
    if (!isAll()) return;
    const at = here();
    try {
      const answer = await fetch(new URL("matching?at=" + encodeURIComponent(at), root));
      if (answer.ok && at === here()) matched = (await answer.json()).jobs + " ";
    } catch {
      // they are not counted then
    }
    count();
  }

  async function isSure(button) {
    if (button.dataset.sure === undefined || button.dataset.mineSays !== undefined) return true;
    const words = button.textContent;
    // what it is done to, where that is what was ticked
    const isOfTicked = button.form === acts && button.closest(".acts")?.contains(selected);
    if (isOfTicked && isAll()) await match();
    const some = isOfTicked && (isAll() || ticked().length) ? " " + selected.textContent : "";
    button.dataset.mineSays = words;
    button.textContent = "Sure? " + words + some;
    say("Press it again to go on: this cannot be undone.");
    setTimeout(() => calm(button), SURE_MS);
    return false;
  }

  // a button asks no more whether one is sure
  function calm(button) {
    if (button.dataset.mineSays === undefined) return;
    button.textContent = button.dataset.mineSays;
    delete button.dataset.mineSays;
  }

  function calmAll() {
    for (const button of document.querySelectorAll("[data-mine-says]")) calm(button);
  }

  async function press(button) {
    if (!(await isSure(button))) return;
    const given = new URLSearchParams(new FormData(acts));
    given.set("back", here());
    given.set("do", button.value);
    if (button.dataset.sure !== undefined) given.set("sure", "1");
    button.disabled = true;
    say(button.textContent.replace("Sure? ", "") + " …");
    try {
      const answer = await fetch(acts.action, {
        method: "POST", body: given, headers: { Accept: "application/json" }, redirect: "error",
      });
      const found = await answer.json();
      say(found.said || found.detail || "It was not done.");
      if (answer.ok && !button.value.includes(":")) clear();
    } catch {
      say("The connection was lost before an answer came: look whether it was done.");
    }
    calm(button);
    button.disabled = false;
    if (document.activeElement === document.body) button.focus({ preventScroll: true });
  }

  function clear() {
    for (const box of document.querySelectorAll("input[type=checkbox]")) box.checked = false;
    matched = "";
    calmAll();
    count();
  }

  document.addEventListener("click", (event) => {
    const address = event.target.closest("a[data-view]");
    if (address && !event.ctrlKey && !event.metaKey && !event.shiftKey && address.pathname === location.pathname) {
      event.preventDefault();
      go(address.href);
      fill();
    }
  });
  document.addEventListener("submit", (event) => {
    if (event.target === acts && event.submitter) {
      event.preventDefault();
      press(event.submitter);
    } else if (event.target === find) {
      event.preventDefault();
      go(chosen());
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-all]")) {
      for (const box of boxes()) box.checked = event.target.checked;
      calmAll();
      count();
    } else if (event.target.matches("input[name=job]")) {
      calmAll();
      count();
    } else if (event.target === matching) {
      calmAll();
      match();
    } else if (event.target.matches("#find select")) {
      go(chosen());
    }
  });
  let typed = 0;
  document.addEventListener("input", (event) => {
    if (!event.target.matches("#find input")) return;
    clearTimeout(typed);
    typed = setTimeout(() => {
      history.replaceState(null, "", chosen());
      follow();
    }, TYPED_MS);
  });
  window.addEventListener("popstate", () => { fill(); follow(); });
  // a page that nobody sees costs nothing; browsers give few connections to all pages of a site
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      if (stream) stream.close();
      clearTimeout(silence);
      delete document.body.dataset.link;
      link.textContent = "stopped while nobody looks";
    } else {
      connect();
    }
  });
  window.addEventListener("pagehide", () => stream && stream.close());
  window.addEventListener("pageshow", (event) => event.persisted && connect());
  document.documentElement.classList.add("scripted");
  // the sentence of an act that was done without scripts is told once
  const query = new URLSearchParams(location.search);
  if (query.has("told")) {
    query.delete("told");
    history.replaceState(null, "", location.pathname + (query.size ? "?" + query : ""));
  }
  if (said.textContent) say(said.textContent);
  count();
  connect();
})();
