"""Where it is kept: the only code that speaks to Redis. Every transition is one atomic step."""
