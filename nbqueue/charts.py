"""Charts of the frames that `nbqueue.history()` gives; importing this loads matplotlib."""

from nbqueue.analysis.charts import durations, throughput, timeline, waits

__all__ = ["durations", "throughput", "timeline", "waits"]
