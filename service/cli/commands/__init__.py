"""One module per subcommand; each defines one `Command`, which `service.cli.main` lists.

Every start of `judged` imports all of them, so a module imports at its top only what its arguments need; its `run`
function imports the rest.
"""
