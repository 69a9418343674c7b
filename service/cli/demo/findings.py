"""What the demo shows, in three sentences: on people's labels, on the judges, and on the two versions of the bot.

The figures are those of the API's reports; intervals are 95%.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from service.cli.demo.answers import DEMO_GROUPS
from service.contracts.judges import BASELINE_TITLES
from service.rendering.trust_words import VERDICT_WORDS

Report = Mapping[str, Any]

_UNDER_NO_VERDICT = "not comparable with people"


def demo_findings(reports: Sequence[Report], comparison: Report) -> list[str]:
    """Returns the three sentences.

    `reports` are the agreement of each judge with people, the baselines first and a model, if there is one, last;
    `comparison` is that of the two versions.
    """
    return [_on_people(reports[-1]), _on_judges(reports), _on_versions(comparison)]


def _on_people(report: Report) -> str:
    found = report["human_ceiling"]["statistics"]["spearman"]
    return (
        f"People: the {report['annotators']} people who labelled {report['items']} answers agree with each other by "
        f"{_figure(found)}, if 0 is chance and 1 is perfect (rank correlation with its 95% interval)."
    )


def _on_judges(reports: Sequence[Report]) -> str:
    baselines = [each for each in reports if each["model"] in BASELINE_TITLES]
    told = " and ".join(f"{BASELINE_TITLES[each['model']]} {_agreement(each)}" for each in baselines)
    models = [each for each in reports if each["model"] not in BASELINE_TITLES]
    if not models:
        return f"Judges: no language model has judged; the baselines that one must beat agree with people by: {told}."
    (model,) = models
    verdict = VERDICT_WORDS.get(model["trust"]["verdict"], _UNDER_NO_VERDICT)
    return (
        f"Judges: {model['model']} is {verdict}: it agrees with people by {_agreement(model)}, and the baselines, "
        f"which cost nothing, by: {told}."
    )


def _on_versions(comparison: Report) -> str:
    old, new = DEMO_GROUPS
    corrected, by_judge = comparison["corrected_difference"], comparison["judge_difference"]
    name = BASELINE_TITLES.get(comparison["model"], comparison["model"])
    shown = (
        f"corrected by people's labels, its mean score is {_figure(corrected)} points higher; by {name} alone it "
        f"would be {_figure(by_judge)}"
    )
    winner = {"a": old, "b": new}.get(comparison["decided"])
    if winner is None:
        return f"Versions: whether {new} is better than {old} can't be told yet: {shown}."
    return f"Versions: {winner} is better than {old if winner == new else new}: for {new}, {shown}."


def _agreement(report: Report) -> str:
    return _figure(report["statistics"]["spearman"])


def _figure(measure: Report | None) -> str:
    if measure is None or measure["value"] is None:
        return "an unknown amount"
    if measure["lower"] is None or measure["upper"] is None:
        return f"{measure['value']:z.2f}"
    return f"{measure['value']:z.2f} ({measure['lower']:z.2f} to {measure['upper']:z.2f})"
