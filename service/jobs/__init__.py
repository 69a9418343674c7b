"""The application layer of jobs: intake, judges, budgets, waiting and cancellation, without HTTP and Redis commands.

Other parts of the service import these names from here, never from the modules inside.
"""

from service.jobs.anchor_intake import store_anchors, submit_anchor
from service.jobs.budgets import check_budget
from service.jobs.callbacks import callback_problem, callback_secret, may_be_called
from service.jobs.cancellation import cancel_job
from service.jobs.intake import Caller, JobIntake, TakenIn
from service.jobs.item_checks import ItemChecks
from service.jobs.judge_resolution import existing_judge, resolve_judges, retire_judge, store_judge
from service.jobs.judged_items import draw_judged_item
from service.jobs.lookup import (
    EVERYTHING,
    View,
    existing_job,
    job_with_judgments,
    visible_job,
    visible_jobs,
    with_waits,
)
from service.jobs.previews import (
    Preview,
    PreviewRequest,
    ShownRequest,
    preview_judge,
    prompts_about,
    requests_about,
)
from service.jobs.repeats import job_of_repeat
from service.jobs.unasked import unasked
from service.jobs.waiting import JobEnd, changes, end_of, until_end, until_over

__all__ = [
    "EVERYTHING",
    "Caller",
    "ItemChecks",
    "JobEnd",
    "JobIntake",
    "Preview",
    "PreviewRequest",
    "ShownRequest",
    "TakenIn",
    "View",
    "callback_problem",
    "callback_secret",
    "cancel_job",
    "changes",
    "check_budget",
    "draw_judged_item",
    "end_of",
    "existing_job",
    "existing_judge",
    "job_of_repeat",
    "job_with_judgments",
    "may_be_called",
    "preview_judge",
    "prompts_about",
    "requests_about",
    "resolve_judges",
    "retire_judge",
    "store_anchors",
    "store_judge",
    "submit_anchor",
    "unasked",
    "until_end",
    "until_over",
    "visible_job",
    "visible_jobs",
    "with_waits",
]
