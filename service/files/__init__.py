"""People's files: CSV and NDJSON, read with line numbers."""
