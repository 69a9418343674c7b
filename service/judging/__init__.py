"""How a judge judges: it makes the prompts, reads verdicts in the answers, and combines the votes.

One file a method. Pure: no I/O.
"""
