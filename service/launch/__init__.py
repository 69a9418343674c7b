"""`judged up` and the processes that it looks after."""
