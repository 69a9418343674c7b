"""The lengths of texts, counted by their order of magnitude."""

LENGTH_BUCKETS = 14  # one for each doubling; the last holds all lengths from 8192


def length_bucket(length: int) -> int:
    """Returns the length bucket of a text, 0 to 13: the number of times its length can be halved, in any unit."""
    return min(max(length, 1).bit_length(), LENGTH_BUCKETS) - 1
