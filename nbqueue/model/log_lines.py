"""How a process that serves writes its log: one record is one line, for people or as JSON for programs."""

from __future__ import annotations

import json
import logging
import os
import re
import traceback
from datetime import UTC, datetime
from typing import Literal

from nbqueue.model.told import ATTRIBUTE, JobFacts, RequestFacts

LogFormat = Literal["text", "json"]
FORMATS: tuple[LogFormat, ...] = ("text", "json")

#: control characters, line ends, and what turns the direction of text around: a name must not write lines of its own
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
#: between the lines of a traceback
_BETWEEN = " | "


class TextLines(logging.Formatter):
    """Lines for people; those of a traceback stand behind one another."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        return _one_line(super().format(_fitting(record)))


class JsonLines(logging.Formatter):
    """JSON objects: when, how much it matters, what is said, by whom; of a job also what its line says, as fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        about: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(), "logger": record.name, "message": _text_of(record),
            "pid": os.getpid(),
        }  # fmt: skip
        facts = getattr(record, ATTRIBUTE, None)
        if isinstance(facts, JobFacts | RequestFacts):
            about |= facts.to_wire()
        if record.exc_info and record.exc_info[0] is not None:
            about["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        if record.stack_info:
            about["stack"] = record.stack_info
        # all that is not ASCII is escaped, and so are control characters but one
        return json.dumps(about).replace("\x7f", "\\u007f")


def set_up(log_format: LogFormat = "text", level: int = logging.INFO) -> None:
    """Write what this process has to say to its standard error, from this level on."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)


def _text_of(record: logging.LogRecord) -> str:
    return _fitting(record).getMessage()


def _fitting(record: logging.LogRecord) -> logging.LogRecord:
    """The record, or where its message does not fit its arguments one without these: they may be secret."""
    try:
        record.getMessage()
    except (TypeError, ValueError):
        record = logging.makeLogRecord(record.__dict__ | {"args": None})
    return record


def _one_line(text: str) -> str:
    if text.isprintable():
        return text
    lines = _BETWEEN.join(line.strip() for line in text.split("\n") if line.strip())
    return _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], lines)
