"""The alerts of deploy/prometheus/rules.yml that fire on metrics that were scraped, by Prometheus' own engine."""

import bisect
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules.yml"
_FOUND = re.compile(r"time: (?:(\d+)h)?(?:(\d+)m)?(?:0s)?,|\{__name__=\"ALERTS\", ([^}]*)\}")
_CLOCKS = ("judged_agreement_refreshed_timestamp_seconds", "judged_model_retires_timestamp_seconds")


class Scrapes:
    """What `/metrics` showed, by minutes of the afternoon since 11:00; a minute has the newest scrape before it."""

    def __init__(self) -> None:
        self._minutes: list[int] = []
        self._shown: list[dict[str, float]] = []

    def add(self, minute: int, text: str) -> None:
        """Adds one scrape. Of times since the epoch the age is kept: promtool's time begins at 0."""
        shown = {}
        for line in text.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            series, _, value = line.rpartition(" ")
            shown[series] = time.time() - float(value) if series.startswith(_CLOCKS) else float(value)
        if self._minutes and self._minutes[-1] >= minute:
            self._shown[-1] = shown
        else:
            self._minutes.append(minute)
            self._shown.append(shown)

    def firing_now(self) -> list[str]:
        """Returns the alerts that fire at the last minute, each with its labels."""
        return self._firing([self._minutes[-1]])[self._minutes[-1]]

    def first_firing(self) -> dict[str, int]:
        """Returns every alert that fired, with the minute at which it was first seen, of every second one."""
        first: dict[str, int] = {}
        for minute, alerts in self._firing(list(range(60, self._minutes[-1] + 1, 2))).items():
            for alert in alerts:
                first.setdefault(alert, minute)
        return first

    def _firing(self, eval_minutes: list[int]) -> dict[int, list[str]]:
        if shutil.which("promtool") is None:
            return {minute: ["(promtool is not installed)"] for minute in eval_minutes}
        expr = [{"expr": 'ALERTS{alertstate="firing"}', "eval_time": f"{minute}m"} for minute in eval_minutes]
        test = {
            "rule_files": [str(RULES)],
            "evaluation_interval": "1m",
            "tests": [{"interval": "1m", "input_series": self._series(), "promql_expr_test": expr}],
        }
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            json.dump(test, file)  # JSON is YAML
            file.flush()
            printed = subprocess.run(
                ["promtool", "test", "rules", file.name], capture_output=True, text=True, check=False
            )
        return _alerts_in(printed.stdout + printed.stderr, eval_minutes)

    def _series(self) -> list[Mapping[str, str]]:
        """The series in promtool's notation: one value a minute, `_` while there is none."""
        last = self._minutes[-1]
        names = sorted({name for shown in self._shown for name in shown if "_bucket{" not in name})
        places = [bisect.bisect_right(self._minutes, minute) - 1 for minute in range(last + 1)]
        found: list[Mapping[str, str]] = [{"series": 'up{job="judged", instance="a"}', "values": f"1x{last}"}]
        for name in names:
            values = [None if place < 0 else self._shown[place].get(name) for place in places]
            if name.startswith(_CLOCKS):
                values = [None if each is None else 60 * minute - each for minute, each in enumerate(values)]
            found.append(
                {"series": name, "values": " ".join("_" if each is None else f"{each:.10g}" for each in values)}
            )
        return found


def _alerts_in(printed: str, minutes: list[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {minute: [] for minute in minutes}
    at = -1
    for hours, rest, labels in _FOUND.findall(printed):
        if not labels:
            at = int(hours or 0) * 60 + int(rest or 0)
            continue
        named = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        name, severity = named.pop("alertname"), named.pop("severity", "")
        named.pop("alertstate", None)
        shown = ", ".join(
            f"{key}={value}" for key, value in sorted(named.items()) if key not in ("version", "criterion")
        )
        found[at].append(f"{name} [{severity}] {shown}")
    if "FAILED" not in printed and "SUCCESS" not in printed:
        raise RuntimeError(printed[:2000])
    return found
