"""What a job is: intake, judges resolved, budgets, waiting, cancelling. No HTTP."""
