"""The gauges of agreement: their catalogue, their figures, and the task that refreshes them."""
