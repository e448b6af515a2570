"""`nbqueue.notify`: says that a job has ended to somebody who looks elsewhere; for `on_done=`."""

from __future__ import annotations

import html
import json
import math
import sys
import time
from typing import Any

from nbqueue.display import wording
from nbqueue.display.palette import STATES
from nbqueue.model import durations
from nbqueue.model.durations import Duration
from nbqueue.notebook.publish import in_kernel, publish

#: a job that ran no longer than this is not worth a word
AFTER_S = 10.0
#: a page that is opened later than this does not notify again
_FRESH_MS = 60_000
_LABEL_LIMIT = 80

#: asks the browser; where it must not, the line below the cell says it all
_SCRIPT = """\
(() => {
  const word = %s;
  if (Date.now() - word.at > %d || typeof Notification === "undefined") return;
  const show = () => new Notification(word.title, {body: word.body, tag: word.tag});
  if (Notification.permission === "granted") show();
  else if (Notification.permission !== "denied")
    Promise.resolve(Notification.requestPermission()).then((answer) => { if (answer === "granted") show(); });
})();
"""


class Notify:
    """Called with a job or group that has ended: a line below the cell and a notification of the browser.

    In a terminal it rings the bell and prints the line. Nothing is said of a job that ran for a short while only.
    """

    def __init__(self, after_s: float = AFTER_S) -> None:
        self._after_s = after_s

    def __call__(self, subject: Any) -> None:
        """Say that a `Job` or `JobGroup` has ended; of a job only if it ran as long as that."""
        text, ran_s = _facts(subject)
        if ran_s < self._after_s:
            return
        if in_kernel():
            publish(bundle(text, str(subject.id), now_ms=round(time.time() * 1000)))
        else:
            _ring(text)

    def after(self, seconds: Duration) -> Notify:
        """The same for jobs that ran at least so many seconds."""
        return Notify(durations.seconds(seconds, "seconds"))

    def __repr__(self) -> str:
        return f"nbqueue.notify.after({self._after_s:g})"


def bundle(text: str, tag: str, *, now_ms: int) -> dict[str, str]:
    """What a notebook shows: the line, and a script that asks the browser; both harmless whatever the text holds."""
    title, _, body = text.partition(": ")
    word = {"title": title, "body": body or text, "tag": tag, "at": now_ms}
    # no text of a job can end the script
    safe = json.dumps(word).replace("<", "\\u003c").replace("&", "\\u0026")
    script = _SCRIPT % (safe, _FRESH_MS)
    return {
        "text/html": f"<small>\N{BELL} {html.escape(text)}</small><script>{script}</script>",
        "text/plain": text,
    }


def _facts(subject: Any) -> tuple[str, float]:
    """The line about a job or group, and how long it ran; a group as long as it takes."""
    label = wording.line(subject.label or subject.id, _LABEL_LIMIT)
    if hasattr(subject, "progress"):
        counts = subject.progress().wait()
        return f"{label}: {', '.join(f'{count:,} {STATES[state].word}' for state, count in counts.items())}", math.inf
    record = subject.info().wait()
    if record.elapsed_s is None:
        return f"{label}: {STATES[record.state].word}", 0.0
    error = f" ({wording.line(record.error)})" if record.error else ""
    return f"{label}: {STATES[record.state].word} after {wording.duration(record.elapsed_s)}{error}", record.elapsed_s


def _ring(text: str) -> None:
    """The bell where somebody may hear it, and the line."""
    bell = "\a" if sys.stderr.isatty() else ""
    sys.stderr.write(f"{bell}nbqueue: {text}\n")
    sys.stderr.flush()


notify = Notify()
