"""How people judge the same items with other tools: one program each, run in a virtual environment of its own.

Each takes a stub's URL, a file of items and the number of calls at once, and prints the seconds and the CPU seconds
that the judgments took, its start-up aside. None imports anything of the service.
"""
