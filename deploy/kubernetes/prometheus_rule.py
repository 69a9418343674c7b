"""The alerts as a resource of the Prometheus operator: `python -m deploy.kubernetes.prometheus_rule` writes it."""

import textwrap
from pathlib import Path

RULES = Path(__file__).parents[1] / "prometheus" / "rules.yml"
WRITTEN = Path(__file__).parent / "monitoring" / "prometheus-rule.yaml"

_HEAD = """\
# Written by `python -m deploy.kubernetes.prometheus_rule` from deploy/prometheus/rules.yml: change it there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: judged
spec:
"""


def prometheus_rule() -> str:
    """Returns the text of `monitoring/prometheus-rule.yaml`."""
    rules = RULES.read_text(encoding="utf-8")
    return _HEAD + textwrap.indent(rules[rules.index("groups:") :], "  ")


if __name__ == "__main__":
    WRITTEN.write_text(prometheus_rule(), encoding="utf-8")
