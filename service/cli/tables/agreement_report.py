"""An agreement report as text: first the verdict and its reasons, then the figures, then the confusion table."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from service.cli.console import add_row, open_console, open_table, print_lines, print_table
from service.contracts.judges import BASELINE_TITLES
from service.rendering.amounts import counted
from service.rendering.confusion_table import ConfusionTable, confusion_table
from service.rendering.cut_texts import printable, shortened
from service.rendering.judge_names import judge_reference
from service.rendering.trust_words import (
    FLAG_WORDS,
    NO_VERDICT,
    SELECTION_WORDS,
    STATISTIC_MEANINGS,
    VERDICT_WORDS,
    deciding_statistic,
    undefined_words,
)

if TYPE_CHECKING:
    from rich.table import Table

AgreementJson = Mapping[str, Any]  # a report of GET /v1/agreement, or a part of it

_CHANCE_FLAG = "not_better_than_chance"  # the verdict, or chance_finding, has it with its figures
_FEW_FLAG = "insufficient"  # a verdict has it with its figures
_ZERO_BY_CHANCE = (  # statistics whose value is 0 for a judge that guesses
    *("pearson", "spearman", "kendall_tau_b", "kendall_tau_c", "somers_d", "lin_ccc", "mcc"),
    *("cohen_kappa", "cohen_kappa_linear", "cohen_kappa_quadratic", "gwet_ac1", "gwet_ac2"),
    *("krippendorff_alpha_nominal", "krippendorff_alpha_ordinal", "krippendorff_alpha_interval"),
)
_LABELS_ONLY_REASONS = {
    "no_labels": "no label was drawn at random",
    "few_labels": "fewer than 50 items are labelled",
    "no_unlabelled": "every judged item is labelled",
    "rare_class": "fewer than 5 items are labelled pass, or fewer than 5 fail",
    "constant_labels": "all labels are the same",
}
_SERVED_FLAG = "served_model_changed"  # served_finding prints it with the models
_ANCHOR_WARNINGS = ("judge_changed", "traffic_changed")  # the other verdicts of anchors are notes


def print_agreement(report: AgreementJson, estimate: AgreementJson | None) -> None:
    """Prints the report, and the estimate of the mean if there is one."""
    console = open_console()
    if trust := report.get("trust"):
        print_lines(console, trust_lines(trust))
        console.print()
    print_lines(console, headline_lines(report))
    print_lines(console, (f"! {line}" for line in finding_lines(report)))
    if report["pairs"]:
        console.print()
        print_table(console, _statistics_table(report))
        console.print()
        print_lines(
            console, [f"Rows: {_reference(report)}. Columns: the judge. In brackets: both gave the same value."]
        )
        print_table(console, confusion_grid(confusion_table(report["table"])))
    for lines in (
        list(note_lines(report)),
        list(estimate_lines(estimate, both_scales(report))) if estimate else [],
    ):
        if lines:
            console.print()
            print_lines(console, lines)


def trust_lines(trust: AgreementJson) -> Iterator[str]:
    """Yields the verdict and its reasons."""
    verdict = trust["verdict"]
    yield f"Verdict: {VERDICT_WORDS.get(verdict, verdict) if verdict else NO_VERDICT}"
    yield from (f"- {sentence}" for sentence in trust["because"])


def headline_lines(report: AgreementJson) -> Iterator[str]:
    """Yields the judge, the criterion, the time and the number of pairs."""
    against = f", against {series_heading(report['other'])}" if report.get("other") else ""
    selection = f"; {SELECTION_WORDS[report['selection']]}" if "selection" in report else ""
    yield f"{series_heading(report)} on {report['criterion']}{against}; {window_text(report)}{selection}"
    annotators = report.get("annotators")
    by = f" by {counted(annotators, 'annotator')}" if annotators else ""
    yield f"{counted(report['pairs'], 'pair')} on {counted(report['items'], 'item')}{by}"
    if coverage := report.get("coverage"):
        yield _coverage(coverage)


def finding_lines(report: AgreementJson) -> Iterator[str]:
    """Yields the warnings to read before any figure, the worst first; those that the verdict has are left out."""
    has_changed, has_verdict = _SERVED_FLAG in report["flags"], bool(report.get("trust"))
    anchors = report.get("anchors") or {}
    if anchors.get("verdict") in _ANCHOR_WARNINGS:
        yield from anchors["because"]
    if not report["pairs"] and not has_verdict:
        yield f"nothing to compare: no item was both scored by the judge and labelled by {_reference(report)}"
    elif not has_verdict:
        yield chance_finding(report["statistics"])
    if has_changed:
        yield served_finding(report)
    said = (_CHANCE_FLAG, _SERVED_FLAG, *([_FEW_FLAG] if has_verdict else []))
    for flag in report["flags"] if report["pairs"] else ():
        if flag not in said:
            yield FLAG_WORDS.get(flag, flag)
    yield from retirement_lines(report, datetime.now(UTC))


def retirement_lines(report: AgreementJson, now: datetime) -> Iterator[str]:
    """Yields when the model will be shut down, if its provider has announced that."""
    if not report.get("model_retires_at"):  # a service of an earlier version has no such field
        return
    at = datetime.fromisoformat(report["model_retires_at"])
    which = "the first of its models" if report["model"] == "panel" else report["model"]
    days = (at.date() - now.date()).days
    when = (
        f"will be shut down on {at:%Y-%m-%d} ({counted(days, 'day')} left)"
        if days >= 0
        else f"was due to be shut down on {at:%Y-%m-%d}"
    )
    yield f"{which} {when}: this report says nothing about the model that replaces it"


def served_finding(report: AgreementJson) -> str:
    """Returns which model the figures are of, and which others answered under the same name."""
    mine = report["served_model"]
    others = [
        f"{_served_name(each['served_model'])} until {_minute(each['last_seen'])} ({each['scored']} scored)"
        for each in report.get("served_models", ())
        if each["served_model"] != mine and each["scored"]
    ]
    before = f"; also answered: {', '.join(others)}; show one with --served" if others else ""
    return f"THE SERVED MODEL CHANGED: all figures are of {_served_name(mine)} alone{before}"


def _minute(time: str) -> str:
    return f"{time[:16].replace('T', ' ')} UTC"


def _served_name(served: str | None) -> str:
    return "unknown" if served is None else served


def chance_finding(statistics: Mapping[str, AgreementJson]) -> str:
    """Returns whether two judges agree by more than guessing, by the statistic that suits their values best."""
    name = deciding_statistic(statistics)
    if name not in statistics:
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
    anchors = report.get("anchors") or {}
    if anchors and anchors["verdict"] not in _ANCHOR_WARNINGS:
        yield f"anchors: {'; '.join(anchors['because'])}"
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
        if position["first_preference"]["value"] is not None:
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


def both_scales(report: AgreementJson) -> tuple[str, str] | None:
    """Returns the judge's scale and the labels' scale in words if their values are others, else None."""
    table = report["table"]
    if all(each["reason"] != "different_scales" for each in report["statistics"].values()):
        return None
    return _scale_words(table.get("columns", table["values"])), _scale_words(table["values"])


def _scale_words(values: Sequence[Any]) -> str:
    if list(values) == ["fail", "pass"]:
        return "share of passes"
    if not values or isinstance(values[0], str):
        return ", ".join(map(str, values))
    return f"{min(values):g} to {max(values):g}"


def estimate_lines(estimate: AgreementJson, scales: tuple[str, str] | None = None) -> Iterator[str]:
    """Yields the judge's mean, the mean corrected by the labels, and how many labels that is worth.

    `scales` has the judge's scale and the labels' scale if they differ: the two means are then different figures.
    """
    of_judge, it = "", "it"
    if scales is not None:
        of_judge, it = f" on its own scale ({scales[0]})", f"people's mean on the labels' scale ({scales[1]})"
    if estimate["judge_mean"]["value"] is None:
        yield "the judge's mean is unknown: it scored nothing in this time"
    else:
        yield f"the judge's mean is {_interval(estimate['judge_mean'])}{of_judge}"
    corrected = estimate["corrected_mean"]
    if corrected["value"] is None:
        yield f"people's mean is unknown: {_LABELS_ONLY_REASONS['no_labels']}"
    elif estimate["method"] == "labels_only":
        reason = _LABELS_ONLY_REASONS.get(estimate["reason"], estimate["reason"])
        yield f"by the labels alone {it} is {_interval(corrected)}; the judge adds nothing yet: {reason}"
    else:
        yield f"{'corrected by' if scales is None else 'by'} the labels, {it} is {_interval(corrected)}"
        worth = estimate["labels_worth"]["effective_labels"]
        others = counted(estimate["unlabelled"], "more judged item")
        yield f"your {counted(estimate['labels'], 'label')} act like {worth:.0f}, thanks to {others}"
    needed = estimate.get("labels_needed")  # a service of an earlier version has no such field
    if needed is not None:
        yield f"for an interval half as wide (+- {needed['half_width']:.3f}), label about {needed['more']} more items"


def _statistics_table(report: AgreementJson) -> "Table":
    ceiling = (report.get("human_ceiling") or {}).get("statistics") or {}
    has_ceiling = any(each["value"] is not None for each in ceiling.values())
    baselines = report.get("baselines") or {}
    beside = [BASELINE_TITLES.get(name, name) for name in baselines]
    people = ["people among themselves"] if has_ceiling else []
    table = open_table("statistic", "value", "95% interval", *beside, *people, "in words", wraps=("in words",))
    for name, measure in report["statistics"].items():
        cells = [name, _number(measure["value"]), _bounds(measure)]
        cells += [_number(statistics.get(name, {}).get("value")) for statistics in baselines.values()]
        if has_ceiling:
            cells.append(_interval(ceiling[name]) if ceiling.get(name, {}).get("value") is not None else "")
        add_row(table, [*cells, _meaning(name, measure)])
    return table


def _meaning(name: str, measure: AgreementJson) -> str:
    meaning = STATISTIC_MEANINGS.get(name, "")
    if measure["reason"]:
        return f"{meaning}; {'undefined' if measure['value'] is None else 'no interval'}: {_reason(measure)}"
    if name in _ZERO_BY_CHANCE and not _excludes_zero(measure):
        return f"{meaning}; not distinguishable from chance"
    return meaning


def _coverage(coverage: AgreementJson) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in coverage["by_reason"].items())
    others = f"{coverage['unscored']} unscored, {coverage['failed']} failed{f' ({reasons})' if reasons else ''}"
    return f"{coverage['scored']} of {coverage['judged']} judgments have a score; {others}"


def series_heading(reference: AgreementJson) -> str:
    """Returns the name of the judge, the model, and the served model in brackets if it has another name."""
    served = reference.get("served_model")
    is_told = served is not None and served != reference["model"].partition("/")[2]
    return f"{judge_reference(reference['judge'])} {reference['model']}" + (f" ({served})" if is_told else "")


def window_text(report: AgreementJson) -> str:
    """Returns the time of the judgments that a report is about."""
    return "all time" if report["window"] == "all" else f"last {report['window']}"


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
    return "" if value is None else f"{value:z.3f}"


def _reason(measure: AgreementJson) -> str:
    return undefined_words(measure["reason"])


if TYPE_CHECKING:
    from rich.table import Table

_MAX_LABEL_CHARACTERS = 16


def confusion_grid(shown: ConfusionTable) -> "Table":
    """Returns the table with its sums; counts of pairs with the same value on both sides are in brackets."""
    table = open_table("")
    for heading in [*shown.columns, "all"]:
        table.add_column(escape(printable(shortened(heading, _MAX_LABEL_CHARACTERS))), justify="right")
    for row, counts in zip(shown.rows, shown.counts, strict=True):
        cells = [_cell(row == column, count) for column, count in zip(shown.columns, counts, strict=True)]
        add_row(table, [shortened(row, _MAX_LABEL_CHARACTERS), *cells, str(sum(counts))])
    totals = [sum(each) for each in zip(*shown.counts, strict=True)]
    add_row(table, ["all", *map(str, totals), str(sum(totals))])
    return table


def _cell(is_same: bool, count: int) -> str:
    text = str(count) if count else "·"
    return f"[{text}]" if is_same else f"{text} "
