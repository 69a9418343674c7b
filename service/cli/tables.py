"""Agreement as a person reads it: what to believe first, then the figures, then who said what."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.cli.confusion import as_table, confusion

Json = Mapping[str, Any]

_NO_TERMINAL_WIDTH = 160  # wide enough to be read in a log

_FLAGS = {
    "insufficient": "fewer than 30 pairs: too few to tell much",
    "judge_constant": "the judge says the same of everything: it tells nothing of the items",
    "low_prevalence": "nine labels in ten are the same: kappas are low however often both agree; see exact, gwet_ac1",
    "degenerate": "one side never varies: correlations and kappas tell nothing",
}
_NO_BETTER = "not_better_than_chance"  # which `against_chance` says with its figures
_FROM_CHANCE = (  # that are 0 for a judge who guesses
    *("pearson", "spearman", "kendall_tau_b", "kendall_tau_c", "somers_d", "lin_ccc", "mcc"),
    *("cohen_kappa", "cohen_kappa_linear", "cohen_kappa_quadratic", "gwet_ac1", "gwet_ac2"),
    *("krippendorff_alpha_nominal", "krippendorff_alpha_ordinal", "krippendorff_alpha_interval"),
)
_DECISIVE = ("spearman", "cohen_kappa")  # the first of them that there is tells whether it is better than guessing
_WHY_LABELS_ONLY = {
    "no_labels": "there is no label drawn at random",
    "few_labels": "fewer than 50 items are labelled",
    "no_unlabelled": "every judged item is labelled",
    "rare_class": "fewer than 5 items are labelled pass, or fail",
    "constant_labels": "all labels are the same",
}


def show_agreement(report: Json, estimate: Json | None) -> None:
    """Prints all of it; `estimate` where there is one."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_NO_TERMINAL_WIDTH)
    people = _people(report)
    for line in headline(report):
        console.print(Text(line))
    for line in findings(report):
        console.print(Text(f"! {line}"))
    console.print()
    console.print(_statistics(report))
    if report["pairs"]:
        console.print()
        console.print(Text(f"Rows: {people}. Columns: the judge. In brackets: where both say the same."))
        console.print(as_table(confusion(report["table"])))
    found = list(notes(report))
    if found:
        console.print()
    for line in found:
        console.print(Text(line))
    if estimate is not None:
        console.print()
        for line in estimate_lines(estimate):
            console.print(Text(line))


def headline(report: Json) -> Iterator[str]:
    """What was measured, and on how much."""
    against = f", against {_judge(report['other'])}" if report.get("other") else ""
    yield f"{_judge(report)} on {report['criterion']}{against}; {_window(report['window'])}{_drawn(report)}"
    annotators = report.get("annotators")
    by = f" by {_many(annotators, 'annotator')}" if annotators else ""
    yield f"{_many(report['pairs'], 'pair')} on {_many(report['items'], 'item')}{by}"
    if coverage := report.get("coverage"):
        yield _coverage(coverage)


def findings(report: Json) -> Iterator[str]:
    """What has to be known before any figure is believed, the worst first."""
    if not report["pairs"]:
        yield f"nothing to compare: no item was both scored by the judge and labelled by {_people(report)}"
        return
    yield against_chance(report["statistics"])
    for flag in report["flags"]:
        if flag != _NO_BETTER:
            yield _FLAGS.get(flag, flag)


def notes(report: Json) -> Iterator[str]:
    """What else was found, a line each; nothing of what could not be measured."""
    bias, test = report.get("bias") or {}, report.get("alt_test") or {}
    panel = report.get("panel_alpha")
    if panel and panel["value"] is not None:
        yield f"the panel's models agree with each other by Krippendorff's alpha {panel['value']:.3f}"
    if test.get("winning_rate") is not None:
        rate, passed = test["winning_rate"], "passed" if test["passed"] else "not passed"
        yield f"alternative annotator test {passed}: it may stand in for {rate:.0%} of {len(test['duels'])} annotators"
    position, repeats = bias.get("position"), bias.get("repeats")
    if position and position["consistency"]["value"] is not None:
        yield f"in the other order it says the same of {_share(position['consistency'])}"
        yield f"where it does not, it prefers what comes first in {_share(position['first_preference'])}"
    if repeats and repeats["exact"]["value"] is not None:
        yield f"asked again it says the same of {_share(repeats['exact'])}"
    length = (bias.get("length_bias") or {}).get("spearman")
    if length and length["lower"] is not None and not length["lower"] <= 0 <= length["upper"]:
        which = "longer" if length["value"] > 0 else "shorter"
        yield f"it favours {which} texts: its error, score minus label, goes with length (spearman {_interval(length)})"
    own = bias.get("self_preference")
    if own and own["lower"] is not None and not own["lower"] <= 0 <= own["upper"]:
        yield f"its error on texts of its own family of models is {_interval(own)} points above that on others'"


def against_chance(statistics: Mapping[str, Json]) -> str:
    """Whether the judge is better than one that guesses, by the statistic that tells best on such values."""
    name = next((each for each in _DECISIVE if each in statistics), None)
    if name is None:
        return "no statistic tells it from chance"
    measure = statistics[name]
    if measure["value"] is None:
        return f"NOT DISTINGUISHABLE FROM CHANCE: {name} is undefined ({_reason(measure)})"
    if measure["lower"] is None:
        return f"NOT DISTINGUISHABLE FROM CHANCE: {name} has no interval ({_reason(measure)})"
    shown = f"{name} {_interval(measure)}"
    if measure["upper"] < 0:
        return f"WORSE THAN CHANCE: it tends to say the opposite ({shown})"
    if measure["lower"] <= 0:
        return f"NOT DISTINGUISHABLE FROM CHANCE: the interval contains 0 ({shown})"
    return f"better than chance ({shown})"


def estimate_lines(estimate: Json) -> Iterator[str]:
    """The judge's mean, what the labels make of it, and what the judge makes of the labels."""
    labels = estimate["labels"]
    corrected = _interval(estimate["corrected_mean"])
    yield f"the judge's mean is {_interval(estimate['judge_mean'])}"
    if estimate["corrected_mean"]["value"] is None:
        yield f"what people would say is not known: {_WHY_LABELS_ONLY['no_labels']}"
    elif estimate["method"] == "labels_only":
        why = _WHY_LABELS_ONLY.get(estimate["reason"], estimate["reason"])
        yield f"by the labels alone it is {corrected}: the judge adds nothing yet, since {why}"
    else:
        yield f"corrected by labels, it is {corrected}"
        worth = estimate["labels_worth"]["effective_labels"]
        others = _many(estimate["unlabelled"], "more judged item")
        yield f"your {_many(labels, 'label')} act like {worth:.0f}, thanks to {others}"
    needed = estimate.get("labels_needed")  # an earlier service does not say
    if needed is not None:
        yield f"for +- {needed['half_width']:.3f}, half as wide, label about {needed['more']} more items"


def _statistics(report: Json) -> Table:
    ceiling = (report.get("human_ceiling") or {}).get("statistics") or {}
    has_ceiling = any(each["value"] is not None for each in ceiling.values())
    heads = ["statistic", "value", "95% interval", *(["people among themselves"] if has_ceiling else []), ""]
    table = Table(*heads, box=None, pad_edge=False)
    for name, measure in report["statistics"].items():
        cells = [name, _number(measure["value"]), _ends(measure)]
        if has_ceiling:
            cells.append(_interval(ceiling[name]) if ceiling.get(name, {}).get("value") is not None else "")
        table.add_row(*map(Text, [*cells, _note(name, measure)]))
    return table


def _note(name: str, measure: Json) -> str:
    if measure["reason"]:
        return f"{'undefined' if measure['value'] is None else 'no interval'}: {_reason(measure)}"
    if name in _FROM_CHANCE and measure["lower"] <= 0 <= measure["upper"]:
        return "not distinguishable from chance"
    return ""


def _coverage(coverage: Json) -> str:
    why = ", ".join(f"{count} {reason}" for reason, count in coverage["by_reason"].items())
    told = f"{coverage['unscored']} unscored, {coverage['failed']} failed"
    return f"{coverage['scored']} of {coverage['judged']} judgments have a score; {told}{f' ({why})' if why else ''}"


def _judge(named: Json) -> str:
    judge = named["judge"]
    return f"{judge['name'] + '@' + str(judge['version']) if judge['name'] else judge['digest']} {named['model']}"


def _people(report: Json) -> str:
    return "the other judge" if report.get("other") else "people"


def _window(window: str) -> str:
    return "all time" if window == "all" else f"last {window}"


def _share(share: Json) -> str:
    return "none" if share["value"] is None else f"{share['value']:.0%} of {share['total']}"


def _drawn(report: Json) -> str:
    said = {"random": "items drawn at random", "targeted": "targeted items", "all": "all labelled items"}
    return f"; {said[report['selection']]}" if "selection" in report else ""


def _interval(measure: Json) -> str:
    return _number(measure["value"]) + (f" ({_ends(measure)})" if measure["lower"] is not None else "")


def _ends(measure: Json) -> str:
    return "" if measure["lower"] is None else f"{_number(measure['lower'])} to {_number(measure['upper'])}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _reason(measure: Json) -> str:
    return str(measure["reason"]).replace("_", " ")


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
