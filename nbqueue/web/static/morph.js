// Makes what is on the page like new HTML, touching only what differs: focus, selection, scroll and ticks stay.
"use strict";

// what a person sets, and the server does not know of
const OWN = { INPUT: ["checked", "value", "hidden"], DETAILS: ["open"], OPTION: ["selected"] };

function keyOf(node) {
  return node.nodeType === 1 ? node.id || node.dataset?.keep || "" : "";
}

function isAlike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && keyOf(one) === keyOf(other);
}

function likeAttributes(have, want) {
  const own = OWN[have.tagName] || [];
  for (const { name, value } of want.attributes) {
    if (!own.includes(name) && have.getAttribute(name) !== value) have.setAttribute(name, value);
  }
  for (const { name } of [...have.attributes]) {
    if (!own.includes(name) && !want.hasAttribute(name) && !name.startsWith("data-mine")) have.removeAttribute(name);
  }
  // a button's value is what it asks for
  if (have.tagName === "INPUT" && have.value !== want.value && have.type === "checkbox") have.value = want.value;
}

function like(have, want) {
  if (have.nodeType !== 1) {
    if (have.data !== want.data) have.data = want.data;
    return;
  }
  if (have.dataset.mineSays !== undefined) {
    // a button that says something of its own for a moment, unless it asks for something else from now on
    if (have.value === want.value) return;
    delete have.dataset.mineSays;
  }
  likeAttributes(have, want);
  likeChildren(have, want);
}

function likeChildren(have, want) {
  const keyed = new Map();
  for (const child of have.childNodes) if (keyOf(child)) keyed.set(keyOf(child), child);
  const wanted = new Set([...want.childNodes].map(keyOf));
  let at = have.firstChild;
  for (const next of [...want.childNodes]) {
    const key = keyOf(next);
    // what is no longer wanted is passed over, so that its neighbours keep their places
    while (at && keyOf(at) && !wanted.has(keyOf(at)) && key) at = removed(at);
    const known = key ? keyed.get(key) : null;
    if (known && isAlike(known, next)) {
      if (known !== at) moveBefore(have, known, at);
      else at = at.nextSibling;
      like(known, next);
    } else if (!key && at && isAlike(at, next)) {
      like(at, next);
      at = at.nextSibling;
    } else {
      have.insertBefore(next, at);
    }
  }
  while (at) at = removed(at);
}

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

// a node that is moved loses the focus: it gets it back
function moveBefore(parent, node, before) {
  const held = node.contains(document.activeElement) ? document.activeElement : null;
  parent.insertBefore(node, before);
  if (held && document.activeElement !== held) held.focus({ preventScroll: true });
}

function morph(element, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  likeChildren(element, template.content);
}
