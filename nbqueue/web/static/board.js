// Acts on a page of the dashboard without leaving it. Without it the page is one of forms and links.
"use strict";

(() => {
  const SURE_MS = 6000;
  // what is done to those that are ticked
  const JOBS = ["Cancel", "Retry", "Promote", "Delete"];
  const TYPED_MS = 250;
  const SAID_MS = 15000;
  const ASK = "Press it again to go on: this cannot be undone.";
  const NOTHING = "Nothing is selected: tick the boxes of jobs first.";
  const acts = document.getElementById("acts");
  const find = document.getElementById("find");
  const said = document.getElementById("said");
  const selected = document.getElementById("selected");
  // all jobs that match, ticked by this one box
  const matching = document.querySelector("input[name=matching]");
  // how many match, in words, once the server has said so
  let matched = "";
  let telling = 0;
  let asking = 0;

  // what was done is news for a while
  function say(words, job = "") {
    said.textContent = words;
    if (job) said.append(" ", linked("jobs/" + encodeURIComponent(job), "Open it"));
    tellFor();
  }

  function linked(place, words) {
    const found = document.createElement("a");
    found.href = new URL(place, live.root);
    found.textContent = words;
    return found;
  }

  function tellFor() {
    clearTimeout(telling);
    telling = setTimeout(() => { said.textContent = ""; }, SAID_MS);
  }

  const boxes = () => [...document.querySelectorAll("input[name=job][type=checkbox]")];
  const ticked = () => boxes().filter((box) => box.checked);

  // --- what is chosen ------------------------------------------------------------------------------------------------

  function go(address) {
    history.pushState(null, "", address);
    follow();
  }

  function follow() {
    document.querySelector("[data-once]")?.remove();
    live.follow();
    clear();
  }

  function chosen() {
    const given = new URLSearchParams(new FormData(find));
    for (const field of find.elements) {
      if (!field.name) continue;
      const usual = field.tagName === "SELECT" ? defaultOf(field, given) : "";
      if (field.value === usual) given.delete(field.name);
    }
    return "./" + (given.size ? "?" + given : "");
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
    live.hold(number ? boxes().map((box) => box.value).join(",") : "");
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
    const at = live.here();
    try {
      const answer = await fetch(new URL("matching?at=" + encodeURIComponent(at), live.root));
      if (answer.ok && at === live.here()) matched = (await answer.json()).jobs + " ";
    } catch {
      // they are not counted then
    }
    count();
  }

  async function isSure(button) {
    if (button.dataset.sure === undefined || button.dataset.mineSays !== undefined) return true;
    const words = button.textContent;
    calmAll();
    // what it is done to, where that is what was ticked
    const isOfTicked = button.form === acts && button.closest(".acts")?.contains(selected);
    if (isOfTicked && isAll()) await match();
    const some = isOfTicked && (isAll() || ticked().length) ? " " + selected.textContent : "";
    button.dataset.mineSays = words;
    button.textContent = "Sure? " + words + some;
    say(ASK);
    clearTimeout(asking);
    asking = setTimeout(() => calm(button), SURE_MS);
    return false;
  }

  // a button asks no more whether one is sure
  function calm(button) {
    if (button.dataset.mineSays === undefined) return;
    button.textContent = button.dataset.mineSays;
    delete button.dataset.mineSays;
    if (said.textContent === ASK) say("");
  }

  function calmAll() {
    for (const button of document.querySelectorAll("[data-mine-says]")) calm(button);
  }

  async function press(button) {
    if (JOBS.includes(button.value) && !isAll() && !ticked().length) {
      calmAll();
      say(NOTHING);
      return;
    }
    if (!(await isSure(button))) return;
    for (const other of document.querySelectorAll("[data-mine-says]")) if (other !== button) calm(other);
    const given = new URLSearchParams(new FormData(acts));
    given.set("back", live.here());
    given.set("do", button.value);
    if (button.dataset.sure !== undefined) given.set("sure", "1");
    button.disabled = true;
    say(button.textContent.replace("Sure? ", "") + " …");
    try {
      const answer = await fetch(acts.action, {
        method: "POST", body: given, headers: { Accept: "application/json" }, redirect: "error",
      });
      const found = await answer.json();
      say(found.said || found.detail || "It was not done.", found.job);
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
  document.documentElement.classList.add("scripted");
  // the sentence of an act that was done without scripts is told once
  const query = new URLSearchParams(location.search);
  if (query.has("told")) {
    query.delete("told");
    history.replaceState(null, "", location.pathname + (query.size ? "?" + query : ""));
  }
  if (said.textContent) tellFor();
  // on a phone the jobs come first, unless something was chosen
  const finder = document.querySelector(".finder");
  const isNarrow = matchMedia("(max-width: 760px)");
  const fold = () => { if (finder) finder.open = !isNarrow.matches || Boolean(query.size); };
  isNarrow.addEventListener("change", fold);
  fold();
  live.onNews(count);
  count();
  live.connect();
})();
