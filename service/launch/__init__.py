"""`judged up`: the store, the API, the workers and a local model as child processes of one supervisor."""
