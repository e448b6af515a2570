"""Exporters of spans as packages bring them: one writes a file, one waits for a collector that never answers."""

from __future__ import annotations

from pathlib import Path

#: an exporter as a package brings one: a line a span, in a file that the environment names
EXPORTER = """
import json, os, threading

class FileExporter:
    def export(self, spans):
        with open(os.environ["SPANS_FILE"], "a") as file:
            for span in spans:
                about = {"name": span.name, "kind": span.kind.name, "trace": f"{span.context.trace_id:032x}",
                         "id": f"{span.context.span_id:016x}", "parent": span.parent and f"{span.parent.span_id:016x}",
                         "status": span.status.status_code.name, "attributes": dict(span.attributes),
                         "state": span.context.trace_state.to_header()}
                file.write(json.dumps(about) + "\\n")

    def force_flush(self, timeout_millis=0):
        return True

    def shutdown(self):
        pass

class AwayExporter:
    "Its collector never answers."

    def export(self, spans):
        with open(os.environ["SPANS_FILE"], "a") as file:
            file.write("it waits\\n")
        threading.Event().wait()

    def shutdown(self):
        threading.Event().wait()
"""
#: what packages bring
ENTRIES = """[opentelemetry_traces_exporter]
file = spans_to_file:FileExporter
otlp_proto_http = spans_to_file:FileExporter
otlp_proto_grpc = spans_to_file:AwayExporter
"""


def install(folder: Path) -> None:
    """Have Python find them where it looks into this folder."""
    about = folder / "spans_to_file-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: spans-to-file\nVersion: 1\n")
    (about / "entry_points.txt").write_text(ENTRIES)
    (folder / "spans_to_file.py").write_text(EXPORTER)
