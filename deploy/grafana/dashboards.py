"""The dashboards as code: `python -m deploy.grafana.dashboards` writes the JSON files beside this one, for git."""

from pathlib import Path

from deploy.grafana.cost import cost
from deploy.grafana.judge_trust import judge_trust
from deploy.grafana.operations import operations
from deploy.grafana.panels import written

FOLDER = Path(__file__).parent


def all_dashboards() -> dict[str, str]:
    """Returns the JSON of each dashboard by its file name."""
    return {
        "judge_trust.json": written(judge_trust()),
        "operations.json": written(operations()),
        "cost.json": written(cost()),
    }


if __name__ == "__main__":
    for name, text in all_dashboards().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
