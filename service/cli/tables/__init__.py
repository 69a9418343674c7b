"""Results as tables and lines of text for a terminal."""
