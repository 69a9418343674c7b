"""The archive: finished judgments, labels and counters as Parquet in an object store, and the readers of it."""
