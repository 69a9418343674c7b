"""The gauges of trust, computed by a periodic task."""
