"""The storage: the only code that uses Redis. Every change of a state is one atomic step."""
