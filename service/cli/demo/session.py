"""Has the demo's answers judged by a running service, and says what came out."""

import hashlib
from collections.abc import Callable, Sequence

import msgspec

from service.cli.client import Client
from service.cli.demo.answers import DEMO_GROUPS, DEMO_JUDGE, demo_answers, demo_labels
from service.cli.demo.findings import demo_findings
from service.contracts.judges import BASELINE_TITLES

_WINDOW = "all"


def show_demo(client: Client, model: str | None, say: Callable[[str], None]) -> None:
    """Sends the labels and the answers, waits for the judgments, and says the findings.

    `model` judges after the baselines; None if there is no model. Doing it again with the same store adds nothing:
    the labels are sent only to a store without any, and an answer is judged by each model once. Raises ClientError if
    the service refuses something or can't be reached.
    """
    _send_labels(client)
    models = [*BASELINE_TITLES, *([model] if model else [])]
    for each in models:
        _have_judged(client, each, say if each == model else _say_nothing)
    query = {"judge": DEMO_JUDGE, "window": _WINDOW}
    reports = [client.agreement({**query, "model": each}) for each in models]
    old, new = DEMO_GROUPS
    comparison = client.compare({**query, "model": models[-1], "a": old, "b": new})
    for line in _told(demo_findings(reports, comparison), client.url):
        say(line)


def _told(findings: Sequence[str], address: str) -> list[str]:
    return ["", "What can be trusted here:", *(f"- {each}" for each in findings), f"The page that shows it: {address}/"]


def _send_labels(client: Client) -> None:
    """Sends the labels unless there are some: those that a person has changed since stay."""
    if not client.has_labels(DEMO_JUDGE):
        client.store_labels(msgspec.json.Encoder().encode_lines(demo_labels()))


def _have_judged(client: Client, model: str, say: Callable[[str], None]) -> None:
    """Returns once the model has judged all answers, now or in an earlier demo with this store."""
    items = msgspec.json.Encoder().encode_lines([each.item for each in demo_answers()])
    key = f"demo-{model}-{hashlib.sha256(items).hexdigest()[:16]}"
    job = client.job(client.submit_job(items, DEMO_JUDGE, [model], idempotency_key=key)["id"])
    if job["counts"]["pending"]:
        say(f"{model} judges the {job['counts']['total']} answers now; its progress: {client.url}/jobs/{job['id']}")
    for _ in client.follow_job(job):
        pass


def _say_nothing(line: str) -> None:
    """Takes a line that nobody needs: baselines are done at once."""
