"""The application layer of jobs: intake, judges, budgets, waiting and cancellation, without HTTP and Redis commands.

Other parts of the service import these names from here, never from the modules inside.
"""

from service.jobs.budgets import check_budget
from service.jobs.cancellation import cancel_job
from service.jobs.intake import Caller, JobIntake, TakenIn
from service.jobs.item_checks import ItemChecks
from service.jobs.judge_resolution import existing_judge, resolve_judges, retire_judge, store_judge
from service.jobs.lookup import existing_job, job_with_judgments, visible_job
from service.jobs.previews import Preview, PreviewRequest, preview_judge
from service.jobs.unasked import unasked
from service.jobs.waiting import changes, until_over

__all__ = [
    "Caller",
    "ItemChecks",
    "JobIntake",
    "Preview",
    "PreviewRequest",
    "TakenIn",
    "cancel_job",
    "changes",
    "check_budget",
    "existing_job",
    "existing_judge",
    "job_with_judgments",
    "preview_judge",
    "resolve_judges",
    "retire_judge",
    "store_judge",
    "unasked",
    "until_over",
    "visible_job",
]
