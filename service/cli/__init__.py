"""The command `judged`: one file in `commands/` per subcommand, and one file in `tables/` per kind of result."""
