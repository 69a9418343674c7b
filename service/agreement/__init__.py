"""How well a judge agrees with humans: counters, tables, statistics, intervals, estimates, biases and drift."""
