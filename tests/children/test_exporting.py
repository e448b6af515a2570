"""Where an engine sends its spans is what OpenTelemetry's own variables say."""

from __future__ import annotations

import pytest

from nbqueue.children import exporting


@pytest.mark.parametrize(
    ("disabled", "exporters", "wanted"),
    [("", "otlp, console", ["otlp", "console"]), ("", "none", []), ("True", "otlp", []), ("false", "otlp", ["otlp"])],
)
def test_the_environment_says_who_exports(
    monkeypatch: pytest.MonkeyPatch, disabled: str, exporters: str, wanted: list[str]
) -> None:
    """Several exporters, none, or none whatever else is said."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", disabled)
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", exporters)
    assert exporting.wanted() == wanted
