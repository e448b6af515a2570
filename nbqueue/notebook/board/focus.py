"""Keeps the keyboard where it is while rows move: a page makes anew what has another place, and forgets its focus."""

from __future__ import annotations

from html import escape

#: what a class begins with that only one widget of the dashboard has
OF = "nbqueue-of-"
#: what is made anew within this time is what had the focus; later a person is elsewhere
_SOON_MS = 1000


def rules(root: str) -> str:
    """A style without rules, which tells when it is in the page. Where a page runs no such script the focus is lost.

    Args:
        root: finds what is around all widgets of the dashboard.
    """
    return f'<style onload="{escape(_SCRIPT.replace("ROOT", root))}"></style>'


#: `held` had the focus last, and `name` is the class of its widget; nothing, where a person has left it
_SCRIPT = f"""
const root = this.closest('ROOT');
if (root && !root.dataset.nbqueueFocus) {{
  root.dataset.nbqueueFocus = '1';
  let held = null, name = '';
  root.addEventListener('focusin', event => {{
    const widget = event.target.closest('[class*={OF}]');
    held = event.target;
    name = widget ? [...widget.classList].find(each => each.startsWith('{OF}')) : '';
  }});
  root.addEventListener('focusout', event => setTimeout(() => {{
    if (held === event.target && held.isConnected && document.activeElement !== held) name = '';
  }}));
  new MutationObserver(() => {{
    if (!name || held.isConnected) return;
    const gone = held, widget = root.querySelector('.' + name);
    if (document.activeElement !== document.body) name = '';
    else if (widget) (widget.querySelector('input') || widget).focus({{preventScroll: true}});
    else setTimeout(() => {{ if (held === gone) name = ''; }}, {_SOON_MS});
  }}).observe(root, {{childList: true, subtree: true}});
}}
"""
