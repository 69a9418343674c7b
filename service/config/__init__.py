"""Settings: a TOML file, overridden by the environment."""
