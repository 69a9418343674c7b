"""Whether a judge agrees with people: tables of counts, statistics, intervals, estimates and drift. No I/O."""
