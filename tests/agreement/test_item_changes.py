"""How judgments and labels change an item, by hand."""

from service.agreement.contributions import CodedItem, CodedLabel, CounterGroup
from service.agreement.counter_fields import split
from service.agreement.evidence import Evidence, SeriesValue
from service.agreement.item_changes import with_judgment, with_labels, with_recoded_labels, without_labels
from tests.agreement.items import FIVE, label

HOUR_MS = 3_600_000
SERIES = "wit@1 openai/small"
NEW = CodedItem()


def evidence(score: float, content: str = "c1", *, series: str = SERIES, is_answered: bool = True) -> Evidence:
    value = FIVE.by_judge(score, None)
    assert value is not None
    values = [SeriesValue(series, value, "")]
    return Evidence("wit", content, 2, values, [(series, "outcome\tscored\t")], 0, is_answered)


def judged(
    item: CodedItem, score: float, content: str = "c1", *, at_ms: int = 0, newest: str = "c1", cached: bool = False
) -> CodedItem:
    return with_judgment(item, evidence(score, content), newest_content=newest, at_ms=at_ms, cached=cached).item


def test_a_first_judgment_adds_its_score_and_its_events() -> None:
    made = with_judgment(NEW, evidence(4), newest_content="c1", at_ms=3 * HOUR_MS, cached=False)
    assert made.item.scores["c1"][SERIES].key == "4"
    assert made.increments == {CounterGroup("seen", SERIES, 3): {"rest\t4": 1, "outcome\tscored\t": 1}}
    assert made.met == {}


def test_a_newer_score_replaces_an_older_one_and_is_a_repeat() -> None:
    item = judged(NEW, 4, at_ms=HOUR_MS)
    made = with_judgment(item, evidence(5), newest_content="c1", at_ms=2 * HOUR_MS, cached=False)
    assert made.increments == {
        CounterGroup("seen", SERIES, 1): {"rest\t4": -1},
        CounterGroup("seen", SERIES, 2): {"rest\t5": 1, "outcome\tscored\t": 1, "repeat\t4\t5": 1},
    }
    late = with_judgment(made.item, evidence(1), newest_content="c1", at_ms=HOUR_MS, cached=False)
    assert late.item == made.item
    assert late.increments == {CounterGroup("seen", SERIES, 1): {"outcome\tscored\t": 1}}


def test_a_cached_score_is_no_repeat() -> None:
    item = judged(NEW, 4)
    made = with_judgment(item, evidence(4), newest_content="c1", at_ms=1, cached=True)
    assert made.increments == {CounterGroup("seen", SERIES, 0): {"outcome\tscored\t": 1}}


def test_two_series_of_a_content_have_met() -> None:
    item = judged(NEW, 4, at_ms=5)
    other = evidence(3, series="wit@1 openai/large")
    made = with_judgment(item, other, newest_content="c1", at_ms=9, cached=False)
    assert made.met == {("wit@1 openai/large", SERIES): 9}
    fields = made.increments[CounterGroup("panel", "wit@1", 0)]
    assert list(split(fields)) == [(["coders", "2", "3", "4"], 1)]


def test_a_score_of_an_earlier_content_is_dropped_unless_it_is_labelled() -> None:
    item = judged(NEW, 4)
    assert set(judged(item, 2, "c2", newest="c2").scores) == {"c2"}
    labelled = with_labels(item, [("ann", label(FIVE, 3))], newest_content="c1", now_ms=1).item
    assert set(judged(labelled, 2, "c2", newest="c2").scores) == {"c1", "c2"}


def test_a_label_waits_for_an_answer_and_then_has_its_content() -> None:
    waiting = with_labels(NEW, [("ann", label(FIVE, 3))], newest_content="", now_ms=7).item
    assert waiting.labels["ann"].content == ""
    failed = with_judgment(waiting, evidence(4, is_answered=False), newest_content="c1", at_ms=9, cached=False)
    assert failed.item.labels["ann"].content == ""
    assert judged(waiting, 4).labels["ann"].content == "c1"


def test_a_label_that_is_put_again_changes_nothing() -> None:
    given: list[tuple[str, CodedLabel]] = [("ann", label(FIVE, 3)), ("ann", label(FIVE, 4)), ("ann", label(FIVE, 4))]
    first = with_labels(NEW, given, newest_content="c1", now_ms=7)
    assert (first.replaced, with_labels(NEW, given[:1], newest_content="", now_ms=7).replaced) == (1, 0)
    assert (first.changed, first.item.first_label_ms, first.item.labels["ann"].key) == (2, 7, "4")
    again = with_labels(first.item, given[1:], newest_content="c1", now_ms=8)
    assert (again.changed, again.increments, again.item) == (0, {}, first.item)
    moved = with_labels(first.item, given[1:], newest_content="c2", now_ms=8)
    assert (moved.changed, moved.item.labels["ann"].content) == (1, "c2")


def test_without_its_last_label_an_item_is_as_before() -> None:
    labelled = with_labels(NEW, [("ann", label(FIVE, 3))], newest_content="c1", now_ms=HOUR_MS)
    gone = without_labels(labelled.item, {"ann"})
    assert gone.item == NEW
    ceiling, labels = CounterGroup("ceiling", "", 1), CounterGroup("labels", "", 1)
    assert labelled.increments == {ceiling: {"item\tr": 1}, labels: {"label\tall": 1}}
    assert gone.increments == {ceiling: {"item\tr": -1}, labels: {"label\tall": -1}}
    assert without_labels(NEW, {"ann"}).changed == 0


def test_recoded_labels_keep_their_content_and_their_time() -> None:
    bare = CodedLabel(key="3", number=3.0, units=None, per_cent=None)
    early = with_labels(NEW, [("ann", bare)], newest_content="c1", now_ms=7).item
    made = with_recoded_labels(early, {"ann": label(FIVE, 3, content="")})
    assert (made.changed, made.item.labels["ann"].per_cent, made.item.labels["ann"].content) == (1, 50, "c1")
    assert made.item.labels["ann"].at_ms == 7
