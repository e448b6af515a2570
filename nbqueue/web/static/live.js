// Brings what is new on the server into a page of the dashboard, and says whether it does.
"use strict";

const live = (() => {
  const SILENT_MS = 12000; // the server says something every five seconds
  const root = new URL(document.documentElement.dataset.up || "./", location.href);
  const link = document.getElementById("link");
  // called when something has come
  const hearers = [];
  let stream = null;
  let lastAt = new Date();
  let silence = 0;
  // the jobs whose rows stay, as they are ticked
  let held = "";

  const clock = (at) => at.toLocaleTimeString([], { hour12: false });

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
    // the server ends each stream after a while: nothing is lost
    mine.addEventListener("again", () => mine === stream && connect());
    mine.onerror = () => {
      if (mine !== stream) return;
      isLost();
      // the browser tries again by itself, but not after an answer that is no stream
      if (mine.readyState === EventSource.CLOSED) ask(mine);
    };
    silence = setTimeout(isLost, SILENT_MS);
  }

  // a stream that was refused does not tell why: a login that has ended is not waited for
  async function ask(mine) {
    clearTimeout(silence);
    const asking = new AbortController();
    const status = await fetch(mine.url, { signal: asking.signal }).then((answer) => answer.status, () => 0);
    asking.abort();
    if (mine !== stream || document.hidden) return;
    if (status === 401) isOut();
    else silence = setTimeout(connect, 3000);
  }

  function show(parts) {
    for (const [name, html] of Object.entries(parts)) {
      const element = document.getElementById("part-" + name);
      if (element) morph(element, html);
    }
    if (Object.keys(parts).length) for (const hear of hearers) hear();
  }

  function isLive() {
    clearTimeout(silence);
    silence = setTimeout(() => { isLost(); connect(); }, SILENT_MS);
    // the web server is heard, and says whether it hears the queue's server
    const away = document.querySelector("[data-away]");
    const words = away ? "the queue's server is not reached" + (away.dataset.away && ": as of " + away.dataset.away) : "live";
    document.body.dataset.link = away ? "away" : "live";
    if (link.textContent !== words) link.textContent = words;
  }

  function isLost() {
    document.body.dataset.link = "lost";
    const words = "connection lost, last live at " + clock(lastAt) + "; trying again";
    if (link.textContent !== words) link.textContent = words;
  }

  function isOut() {
    document.body.dataset.link = "lost";
    const again = document.createElement("a");
    // the server leads to its login, and from there back to this page
    again.href = location.pathname + location.search;
    again.textContent = "log in again";
    link.setAttribute("role", "status");
    link.replaceChildren("your login has ended, last live at " + clock(lastAt) + ": ", again);
  }

  function hold(jobs) {
    if (Boolean(jobs) === Boolean(held)) return;
    held = jobs;
    connect();
  }

  // the page has another address: rows of the one before are held no more
  function follow() {
    held = "";
    connect();
  }

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
  return { root, here, connect, hold, follow, onNews: (hear) => hearers.push(hear) };
})();
