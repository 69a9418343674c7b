"""An agreement report as text: first whether to believe the judge, then the figures, then the confusion table."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from service.cli.console import add_row, open_console, open_table, print_lines
from service.cli.tables.confusion_table import confusion_grid, confusion_table

if TYPE_CHECKING:
    from rich.table import Table

AgreementJson = Mapping[str, Any]  # a report of GET /v1/agreement, or a part of it

_FLAGS = {
    "insufficient": "fewer than 30 pairs: too few to tell much",
    "judge_constant": "the judge gives every item the same value, so its scores carry no information",
    "low_prevalence": (
        "nine labels in ten are the same: kappas are low however often both agree; look at exact and gwet_ac1"
    ),
    "labels_off_scale": "some labels are not on the scale of the criterion, and are not counted: see GET /v1/criteria",
    "too_few_of_a_class": "people or the judge have fewer than five values beside the usual one: intervals are rough",
    "degenerate": "one side never varies: correlations and kappas carry no information",
}
_CHANCE_FLAG = "not_better_than_chance"  # chance_finding prints it with its figures
_ZERO_BY_CHANCE = (  # statistics whose value is 0 for a judge that guesses
    *("pearson", "spearman", "kendall_tau_b", "kendall_tau_c", "somers_d", "lin_ccc", "mcc"),
    *("cohen_kappa", "cohen_kappa_linear", "cohen_kappa_quadratic", "gwet_ac1", "gwet_ac2"),
    *("krippendorff_alpha_nominal", "krippendorff_alpha_ordinal", "krippendorff_alpha_interval"),
)
_DECISIVE = ("spearman", "cohen_kappa")  # the first that the report has decides whether the judge only guesses
_LABELS_ONLY_REASONS = {
    "no_labels": "no label was drawn at random",
    "few_labels": "fewer than 50 items are labelled",
    "no_unlabelled": "every judged item is labelled",
    "rare_class": "fewer than 5 items are labelled pass, or fewer than 5 fail",
    "constant_labels": "all labels are the same",
}
_SELECTIONS = {"random": "items drawn at random", "targeted": "targeted items", "all": "all labelled items"}


def print_agreement(report: AgreementJson, estimate: AgreementJson | None) -> None:
    """Prints the report, and the estimate of the mean if there is one."""
    console = open_console()
    print_lines(console, headline_lines(report))
    print_lines(console, (f"! {line}" for line in finding_lines(report)))
    console.print()
    console.print(_statistics_table(report))
    if report["pairs"]:
        console.print()
        print_lines(
            console, [f"Rows: {_reference(report)}. Columns: the judge. In brackets: both gave the same value."]
        )
        console.print(confusion_grid(confusion_table(report["table"])))
    for lines in (list(note_lines(report)), list(estimate_lines(estimate)) if estimate else []):
        if lines:
            console.print()
            print_lines(console, lines)


def headline_lines(report: AgreementJson) -> Iterator[str]:
    """Yields the judge, the criterion, the time and the number of pairs."""
    against = f", against {_judge(report['other'])}" if report.get("other") else ""
    window = "all time" if report["window"] == "all" else f"last {report['window']}"
    selection = f"; {_SELECTIONS[report['selection']]}" if "selection" in report else ""
    yield f"{_judge(report)} on {report['criterion']}{against}; {window}{selection}"
    annotators = report.get("annotators")
    by = f" by {_count(annotators, 'annotator')}" if annotators else ""
    yield f"{_count(report['pairs'], 'pair')} on {_count(report['items'], 'item')}{by}"
    if coverage := report.get("coverage"):
        yield _coverage(coverage)


def finding_lines(report: AgreementJson) -> Iterator[str]:
    """Yields the warnings to read before any figure, the worst first."""
    if not report["pairs"]:
        yield f"nothing to compare: no item was both scored by the judge and labelled by {_reference(report)}"
        return
    yield chance_finding(report["statistics"])
    for flag in report["flags"]:
        if flag != _CHANCE_FLAG:
            yield _FLAGS.get(flag, flag)


def chance_finding(statistics: Mapping[str, AgreementJson]) -> str:
    """Returns whether the judge is better than guessing, by the statistic that suits its values best."""
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
        return f"WORSE THAN CHANCE: it tends towards the opposite value ({shown})"
    if measure["lower"] <= 0:
        return f"NOT DISTINGUISHABLE FROM CHANCE: the interval contains 0 ({shown})"
    return f"better than chance ({shown})"


def note_lines(report: AgreementJson) -> Iterator[str]:
    """Yields the further results: the panel, the alt-test and the biases. A result without a value is left out."""
    panel, test = report.get("panel_alpha"), report.get("alt_test") or {}
    if panel and panel["value"] is not None:
        yield f"the panel's models agree with each other: Krippendorff's alpha is {panel['value']:.3f}"
    if (rate := test.get("winning_rate")) is not None:
        result = "passed" if test["passed"] else "not passed"
        yield f"alternative annotator test {result}: it may replace {rate:.0%} of {len(test['duels'])} annotators"
    yield from _bias_lines(report.get("bias") or {})


def _bias_lines(bias: AgreementJson) -> Iterator[str]:
    position, repeats = bias.get("position"), bias.get("repeats")
    if position and position["consistency"]["value"] is not None:
        yield f"with the outputs in the other order it gives the same verdict for {_share(position['consistency'])}"
        yield f"if the verdicts differ, it prefers the first output in {_share(position['first_preference'])}"
    if repeats and repeats["exact"]["value"] is not None:
        yield f"asked again, it gives the same answer for {_share(repeats['exact'])}"
    length = (bias.get("length_bias") or {}).get("spearman")
    if length and _excludes_zero(length):
        which, shown = "longer" if length["value"] > 0 else "shorter", f"spearman {_interval(length)}"
        yield f"it favours {which} texts: its error, score minus label, correlates with length ({shown})"
    own = bias.get("self_preference")
    if own and _excludes_zero(own):
        yield f"its error on texts of its own family of models is {_interval(own)} points above that on others'"


def estimate_lines(estimate: AgreementJson) -> Iterator[str]:
    """Yields the judge's mean, the mean corrected by the labels, and how many labels that is worth."""
    yield f"the judge's mean is {_interval(estimate['judge_mean'])}"
    corrected = estimate["corrected_mean"]
    if corrected["value"] is None:
        yield f"people's mean is unknown: {_LABELS_ONLY_REASONS['no_labels']}"
    elif estimate["method"] == "labels_only":
        reason = _LABELS_ONLY_REASONS.get(estimate["reason"], estimate["reason"])
        yield f"by the labels alone it is {_interval(corrected)}; the judge adds nothing yet: {reason}"
    else:
        yield f"corrected by the labels, it is {_interval(corrected)}"
        worth = estimate["labels_worth"]["effective_labels"]
        others = _count(estimate["unlabelled"], "more judged item")
        yield f"your {_count(estimate['labels'], 'label')} act like {worth:.0f}, thanks to {others}"
    needed = estimate.get("labels_needed")  # a service of an earlier version has no such field
    if needed is not None:
        yield f"for an interval half as wide (+- {needed['half_width']:.3f}), label about {needed['more']} more items"


def _statistics_table(report: AgreementJson) -> "Table":
    ceiling = (report.get("human_ceiling") or {}).get("statistics") or {}
    has_ceiling = any(each["value"] is not None for each in ceiling.values())
    table = open_table("statistic", "value", "95% interval", *(["people among themselves"] if has_ceiling else []), "")
    for name, measure in report["statistics"].items():
        cells = [name, _number(measure["value"]), _bounds(measure)]
        if has_ceiling:
            cells.append(_interval(ceiling[name]) if ceiling.get(name, {}).get("value") is not None else "")
        add_row(table, [*cells, _statistic_note(name, measure)])
    return table


def _statistic_note(name: str, measure: AgreementJson) -> str:
    if measure["reason"]:
        return f"{'undefined' if measure['value'] is None else 'no interval'}: {_reason(measure)}"
    if name in _ZERO_BY_CHANCE and not _excludes_zero(measure):
        return "not distinguishable from chance"
    return ""


def _coverage(coverage: AgreementJson) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in coverage["by_reason"].items())
    others = f"{coverage['unscored']} unscored, {coverage['failed']} failed{f' ({reasons})' if reasons else ''}"
    return f"{coverage['scored']} of {coverage['judged']} judgments have a score; {others}"


def _judge(reference: AgreementJson) -> str:
    judge = reference["judge"]
    return f"{judge['name'] + '@' + str(judge['version']) if judge['name'] else judge['digest']} {reference['model']}"


def _reference(report: AgreementJson) -> str:
    return "the other judge" if report.get("other") else "people"


def _share(share: AgreementJson) -> str:
    return "none" if share["value"] is None else f"{share['value']:.0%} of {share['total']}"


def _excludes_zero(measure: AgreementJson) -> bool:
    return measure["lower"] is not None and not measure["lower"] <= 0 <= measure["upper"]


def _interval(measure: AgreementJson) -> str:
    return _number(measure["value"]) + (f" ({_bounds(measure)})" if measure["lower"] is not None else "")


def _bounds(measure: AgreementJson) -> str:
    return "" if measure["lower"] is None else f"{_number(measure['lower'])} to {_number(measure['upper'])}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _reason(measure: AgreementJson) -> str:
    return str(measure["reason"]).replace("_", " ")


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
