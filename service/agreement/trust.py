"""The trust in a judge in words: the verdict and its reasons in sentences, for people who know no statistics.

Every sentence has its figures, with their 95% intervals in brackets.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from service.agreement.assessment import Assessment, rounded_up
from service.agreement.coding import Coding
from service.contracts.judges import BASELINE_TITLES, CONTROL
from service.stats.flags import FEW_PAIRS
from service.stats.intervals import Measure
from service.stats.table import Table
from service.stats.trust import CHANCE_FLOOR, PEOPLE_MARGIN, WORTH_A_MODEL, Rivalry, TrustVerdict, more_items_for_people
from service.stats.undefined import Undefined
from service.stats.values import FAIL, PASS, Value

STATISTIC_WORDS = {
    "spearman": "Spearman's rank correlation",
    "cohen_kappa": "Cohen's kappa",
    "cohen_kappa_quadratic": "Cohen's kappa with quadratic weights",
}
_NEXT_TO_ZERO = 0.005  # points
_SHARED_ITEMS = 50  # items of two annotators that usually tell how far people agree
_QUEUE = "the page /label, judged label and GET /v1/labels/queue have the next ones"
_JUDGE_MORE = "judge more items first (POST /v1/jobs): all that are judged have labels"
_UNLIKE_WORDS = "Its values are others than the labels', and words have no order that could be compared."
_ALIKE = "Give the judge the labels' values, or the criterion the judge's, to compare them."


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a judge can be trusted, and why, in sentences.

    `verdict` is `as_good_as_people`, `better_than_baselines`, `not_better_than_baselines`, `not_better_than_chance` or
    `too_few_labels`; null for a baseline that beats the other one. A 95% interval shows each but `too_few_labels`.
    `more_labels` is the approximate number of further items to label for a verdict, or for the next better one; null if
    no number is known to help.
    """

    verdict: TrustVerdict | None
    because: list[str]
    more_labels: int | None


class LabelSupply(NamedTuple):
    """Labels that a verdict does not rest on.

    `waiting` is the number of judged items that wait for a label on the criterion, None if it is not known. `earlier`
    counts the criterion's labels of earlier texts of their items, and `otherwise` the labels with a score of the judge
    whose items were drawn otherwise than the query asks.
    """

    waiting: int | None = None
    earlier: int = 0
    otherwise: int = 0


class LabelledPairs(NamedTuple):
    """The labels that a verdict rests on: the table with the judge's scores, and the number of items.

    `unlike` means that the judge's values are others than the labels', `has_scores` that the judge scored any item,
    labelled or not.
    """

    table: Table
    items: int
    unlike: bool
    has_scores: bool = True
    supply: LabelSupply = LabelSupply()


def trust_in_words(
    coding: Coding, labelled: LabelledPairs, statistics: Mapping[str, Measure], assessed: Assessment, model: str
) -> Trust:
    """Returns the verdict of `assessed` with its reasons, the most important one first, and the next step last."""
    if not labelled.table.pairs:
        nothing = list(_nothing(labelled))
        if assessed.is_incomparable:
            return Trust(verdict=assessed.verdict, because=[*nothing, _UNLIKE_WORDS, _ALIKE], more_labels=None)
        return Trust(verdict=assessed.verdict, because=[*nothing, _first_step(labelled)], more_labels=FEW_PAIRS)
    because = [
        *_facts(coding, labelled, statistics),
        *_against_chance(labelled.table, assessed),
        *_against_baselines(labelled, assessed, model),
        *_against_people(assessed),
        *([] if model.startswith(CONTROL) else _next_step(labelled, assessed)),
    ]
    return Trust(verdict=assessed.verdict, because=because, more_labels=assessed.more_labels)


def _nothing(labelled: LabelledPairs) -> Iterator[str]:
    earlier, otherwise = labelled.supply.earlier, labelled.supply.otherwise
    if labelled.has_scores and earlier and not otherwise:
        yield "Nothing to compare yet: none of the texts that the judge scored has a label by people."
        yield (
            "1 label belongs to an earlier text of its item, and says nothing about the newest one."
            if earlier == 1
            else f"{earlier:,} labels belong to earlier texts of their items, and say nothing about the newest ones."
        )
    elif otherwise:
        yield f"Nothing to compare yet: the {_count(otherwise, 'label')} of its items are not of this selection."
        yield "Ask with selection=all for the figures of all labels, which need not hold for all items."
    else:
        yield "Nothing to compare yet: no item has both a score by the judge and a label by people."


def _first_step(labelled: LabelledPairs) -> str:
    if not labelled.has_scores:
        return f"It scored nothing in this time: judge some items (POST /v1/jobs) and label at least {FEW_PAIRS}."
    if labelled.supply.waiting == 0:
        return f"To label at least {FEW_PAIRS} items that it judged, {_JUDGE_MORE}."
    return f"Label at least {FEW_PAIRS} of the items that it judged: {_QUEUE}."


def _facts(coding: Coding, labelled: LabelledPairs, statistics: Mapping[str, Measure]) -> Iterator[str]:
    """Yields how often, or how closely, the judge and people agree."""
    table = labelled.table
    if labelled.unlike:
        if statistics["spearman"].reason is Undefined.NOT_FOR_WORDS:
            yield _UNLIKE_WORDS
        else:
            yield "Its values are others than the labels', so that only their order is compared."
    elif table.values == (FAIL, PASS):
        yield from _classes(labelled, statistics)
    elif table.are_words:
        equal = int(table.counts.diagonal().sum())
        yield f"It gives people's answer for {equal} of {_count(table.pairs, 'label')}{_shares(statistics['exact'])}."
    else:
        yield _distances(coding, table.pairs, statistics)


def _classes(labelled: LabelledPairs, statistics: Mapping[str, Measure]) -> Iterator[str]:
    (caught, missed), (wrong, right) = labelled.table.counts.tolist()
    fails, passes = caught + missed, wrong + right
    if not fails:
        yield f"People saw no fail in {_count(passes, 'label')}, so that nobody can tell whether it catches one."
        return
    is_single = labelled.table.pairs == labelled.items
    seen = f"{_count(fails, 'fail')} that people saw" if is_single else f"{_count(fails, 'label')} that say fail"
    first = f"Of the {seen}, it caught {caught}{_shares(statistics['specificity'])}"
    if not passes:
        yield f"{first}; people saw no pass."
        return
    wrongly = _complement(statistics["sensitivity"])
    others = _count(passes, "pass", "passes") if is_single else f"{_count(passes, 'label')} that say pass"
    yield f"{first}; of the {others}, it failed {wrong}{wrongly}."


def _distances(coding: Coding, pairs: int, statistics: Mapping[str, Measure]) -> str:
    near, bias, apart = (statistics.get(name) for name in ("within_one", "bias", "mae"))
    if near is not None and near.value is not None and pairs > 1:
        step = "one point" if coding.step == 1 else f"one step ({coding.step:g})"
        first = f"{near.value:.0%} of people's {pairs:,} labels are within {step} of its score{_ends(near)}"
    else:
        assert apart is not None, "numbers have a distance"
        first = f"Its scores and people's labels are {_points(apart.value or 0.0)} apart on average{_reach(apart)}"
    if bias is None or bias.value is None or pairs < 2:
        return f"{first}."
    if bias.lower is not None and bias.upper is not None and bias.lower <= 0 <= bias.upper:
        return f"{first}; it is neither clearly higher nor clearly lower than people ({_signed(bias)})."
    side = "higher" if bias.value > 0 else "lower"
    return f"{first}; on average it is {_points(abs(bias.value))} {side} than people."


def _against_chance(table: Table, assessed: Assessment) -> Iterator[str]:
    people, judge = ([int(each) for each in table.counts.sum(axis=axis)] for axis in (1, 0))
    if sum(map(bool, people)) < 2 and table.pairs > 1:
        only = _only(table.values, people)
        yield f"People gave every item the same value ({only}): such labels can't tell a good judge from a bad one."
        return
    if sum(map(bool, judge)) < 2 and table.pairs > 1:
        yield f"It gave every item the same value ({_only(table.columns, judge)}), which tells nothing about an item."
    own = assessed.own
    if assessed.is_incomparable:
        yield "No statistic compares such values with such labels: more labels do not help."
    elif assessed.pairs < FEW_PAIRS:
        few = _count(round(assessed.pairs), "labelled item")
        yield f"Whether it is better than chance, or than the baselines, can't be told from {few}."
    elif own is None or own.value is None or assessed.name is None:
        yield "No statistic compares such values with such labels."
    else:
        shown = f"{STATISTIC_WORDS[assessed.name]} is {_figure(own)}; 0 is chance, 1 is perfect"
        yield f"{_chance_words(own, assessed)}: {shown}."


def _chance_words(own: Measure, assessed: Assessment) -> str:
    if own.lower is None or own.upper is None:
        return "Whether it is better than chance is not known yet"
    if own.upper < 0:
        return "It tends towards the opposite of people's labels"
    if assessed.is_chance:
        return f"It is hardly better than chance, if at all, and below {CHANCE_FLOOR:g} in any case"
    if own.lower > 0:
        return "It is better than chance"
    return "Whether it is better than chance is not known yet"


def _against_baselines(labelled: LabelledPairs, assessed: Assessment, model: str) -> Iterator[str]:
    if model.startswith(CONTROL):
        itself = BASELINE_TITLES.get(model, model)
        yield f"It is itself the baseline {itself}, no language model: it shows the least that a judge must beat."
    if assessed.name is None or assessed.pairs < FEW_PAIRS:
        return
    if not assessed.baselines:
        if not model.startswith(CONTROL):
            yield "It can't be compared with text length and word overlap: the labelled items' texts are not stored."
        return
    ahead = {name: each for name, each in assessed.baselines.items() if each.is_ahead}
    if ahead:
        leads = [f"{BASELINE_TITLES[CONTROL + name]} by {_lead(each)}" for name, each in ahead.items()]
        yield f"It beats {' and '.join(leads)}{_on(next(iter(ahead.values())))}."
    for name, each in assessed.baselines.items():
        title = BASELINE_TITLES[CONTROL + name]
        if each.is_not_ahead and each.difference is not None:
            least = f"{WORTH_A_MODEL:g} or more"
            yield f"It does not beat {title} by {least}: its lead is {_lead(each)}{_on(each)}."
        elif not each.is_ahead:
            lead = "" if each.difference is None else f": its lead is {_lead(each)}"
            yield f"Whether it beats {title} is not known yet{lead}{_on(each)}."
    left_out = labelled.table.pairs - max(each.labels for each in assessed.baselines.values())
    if left_out > 0:
        yield f"{_count(left_out, 'label')} of items whose texts are not stored are left out of this comparison."


def _against_people(assessed: Assessment) -> Iterator[str]:
    people = assessed.people
    if people is None:
        yield "No item has labels by two people, so that nobody knows how far people agree with each other."
        return
    if people.difference is None:
        yield f"Too few items have labels by two people to compare it with them ({people.items})."
        return
    if not people.is_enough:
        few = (
            "one item that two people labelled"
            if people.items == 1
            else f"{people.items} items that two people labelled"
        )
        yield f"Whether it is as good as a second person can't be told from {few}."
        return
    judge, person = (number_text(each) for each in (people.difference.judge, people.difference.rival))
    shown = f"{judge} against {person}{_on(people)}, a difference of {_lead(people)}"
    if people.is_on_a_par:
        yield f"It agrees with a person about as well as another person does: {shown}."
    elif people.is_behind:
        yield f"People agree with each other better than it agrees with them: {shown}."
    else:
        yield f"Whether it is as good as a second person is not known yet: {shown}."


def _next_step(labelled: LabelledPairs, assessed: Assessment) -> Iterator[str]:
    verdict = assessed.verdict
    if verdict is TrustVerdict.NOT_BETTER_THAN_CHANCE:
        yield "Do not use its scores. Describe the criterion and its levels better, or ask another model."
    elif verdict is TrustVerdict.NOT_BETTER_THAN_BASELINES:
        yield "A rule that costs nothing does about as well. Describe the criterion better, or ask another model."
    elif verdict is TrustVerdict.TOO_FEW_LABELS:
        yield from _more_labels(labelled, assessed)
    elif verdict is TrustVerdict.BETTER_THAN_BASELINES:
        yield _second_person(labelled, assessed)
    elif verdict is TrustVerdict.AS_GOOD_AS_PEOPLE:
        yield "Use its scores. Label some new items from time to time, or mark anchors, to notice if it changes."


def _more_labels(labelled: LabelledPairs, assessed: Assessment) -> Iterator[str]:
    more = assessed.more_labels
    if assessed.name is None and labelled.unlike:
        yield _ALIKE
    elif assessed.name is None and assessed.pairs >= FEW_PAIRS:
        yield "Label items of which you expect another value: until then no number of labels decides."
    elif assessed.pairs < FEW_PAIRS:
        least = max(FEW_PAIRS - int(assessed.pairs), 1)
        first = f"Label at least {_count(least, 'more item')}: fewer than {FEW_PAIRS} tell little."
        yield f"{first} {_queue_words(labelled, least)}"
    elif assessed.undecided:
        names = " and ".join(BASELINE_TITLES[CONTROL + name] for name in assessed.undecided)
        yield _label_about(labelled, more or 1, f"to know whether it beats {names}")
    elif more is not None:
        yield _label_about(labelled, more, "to know whether it is better than chance")
    elif not assessed.baselines:
        yield "Judge the labelled items again, so that their texts can be compared with the baselines."
    else:
        yield "Label more items: too few of people's labels differ from the most frequent one."


def _label_about(labelled: LabelledPairs, more: int, purpose: str) -> str:
    label = f"Label {_about(more)} {purpose}"
    if labelled.supply.waiting == 0:
        return f"{label}; {_JUDGE_MORE}."
    return f"{label}: {_QUEUE}{_too_few(labelled, more)}."


def _queue_words(labelled: LabelledPairs, more: int) -> str:
    words = _JUDGE_MORE if labelled.supply.waiting == 0 else f"{_QUEUE}{_too_few(labelled, more)}"
    return f"{words[0].upper()}{words[1:]}."


def _too_few(labelled: LabelledPairs, more: int) -> str:
    waiting = labelled.supply.waiting
    if waiting is None or waiting >= more:
        return ""
    return f", but only {waiting:,} {'waits' if waiting == 1 else 'wait'}: judge more items too"


def _second_person(labelled: LabelledPairs, assessed: Assessment) -> str:
    if assessed.people is None:
        wanted = f"about {_SHARED_ITEMS} of the labelled items"
        if labelled.items <= _SHARED_ITEMS:
            wanted = f"these {labelled.items} items too"
        return f"Let a second person label {wanted}, to compare it with people themselves."
    more = more_items_for_people(assessed.people)
    if more is None:
        return (
            "To come closer to people, read the items on which it differs most (GET /v1/agreement/items), "
            "and describe the criterion and its levels better."
        )
    return (
        f"Let two people label {_about(more)} to know whether it is as good as a person "
        f"(less than {PEOPLE_MARGIN:g} below)."
    )


def _about(more: int) -> str:
    return f"about {_count(rounded_up(more), 'more item')}"


def _only(values: Sequence[Value], counts: Sequence[int]) -> str:
    return next(str(value) for value, count in zip(values, counts, strict=True) if count)


def _count(count: int, noun: str, nouns: str | None = None) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {nouns or noun + 's'}"


def _on(rivalry: Rivalry) -> str:
    return f" on the same {_count(rivalry.items, 'item')}" if rivalry.items != 1 else " on one item"


def _lead(rivalry: Rivalry) -> str:
    found = rivalry.difference
    assert found is not None, "the caller has checked it"
    return f"{number_text(found.value)} ({number_text(found.lower)} to {number_text(found.upper)})"


def _figure(measure: Measure) -> str:
    assert measure.value is not None, "the caller has checked it"
    bounds = "" if measure.lower is None else f" ({number_text(measure.lower)} to {number_text(measure.upper or 0.0)})"
    return f"{number_text(measure.value)}{bounds}"


def _shares(measure: Measure) -> str:
    """Returns a share with its interval: ` (71%, 56% to 83%)`."""
    if measure.value is None:
        return ""
    bounds = "" if measure.lower is None else f", {measure.lower:.0%} to {measure.upper or 0.0:.0%}"
    return f" ({measure.value:.0%}{bounds})"


def _complement(measure: Measure) -> str:
    """Returns 1 minus a share, with its interval."""
    if measure.value is None:
        return ""
    lower, upper = (None if each is None else 1 - each for each in (measure.upper, measure.lower))
    return _shares(Measure(value=1 - measure.value, lower=lower, upper=upper, reason=None))


def _ends(measure: Measure) -> str:
    return "" if measure.lower is None else f" ({measure.lower:.0%} to {measure.upper or 0.0:.0%})"


def _reach(measure: Measure) -> str:
    return "" if measure.lower is None else f" ({measure.lower:.2g} to {measure.upper or 0.0:.2g})"


def _signed(measure: Measure) -> str:
    return f"{_short(measure.lower or 0.0)} to {_short(measure.upper or 0.0)} points"


def _points(value: float) -> str:
    return f"{value:.2g} {'point' if f'{value:.2g}' == '1' else 'points'}"


def _short(value: float) -> str:
    """Returns a number in two significant digits, 0 if it is next to it."""
    return "0" if abs(value) < _NEXT_TO_ZERO else f"{value:.2g}"


def number_text(value: float) -> str:
    """Returns a number with two decimals, or three where only these tell it from 0."""
    digits = 3 if _NEXT_TO_ZERO / 10 <= abs(value) < _NEXT_TO_ZERO else 2
    return f"{round(value, digits) + 0.0:.{digits}f}"
