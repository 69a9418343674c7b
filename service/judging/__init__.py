"""How one judges: prompts out, verdicts in, votes combined. One file a method. Pure: no I/O."""
