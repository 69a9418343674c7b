"""`judged import`, `judged agreement` and `judged rebuild`: requests, output and exit codes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.cli.main import main
from service.cli.tables.agreement_report import chance_finding, estimate_lines, finding_lines, note_lines
from service.cli.tables.confusion_table import confusion_table
from tests.cli.stub_api import Asked, served
from tests.flows.conftest import Row

Captured = pytest.CaptureFixture[str]


class Api:
    """Answers each path with its next answer, the last one repeatedly, and keeps the requests."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: dict[str, list[tuple[int, Row]]] = {}
        self.asked: list[Asked] = []

    def answer(self, asked: Asked) -> tuple[int, bytes]:
        self.asked.append(asked)
        status, body = self._next(asked)
        return status, json.dumps(body).encode()

    def _next(self, asked: Asked) -> tuple[int, Row]:
        if asked.path == "/v1/labels" and asked.path not in self.answers:
            count = len(asked.body.splitlines())
            return 200, {"received": count, "stored": count, "unchanged": 0}
        answers = self.answers[asked.path]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    @property
    def labels(self) -> list[Row]:
        return [json.loads(line) for each in self.asked if each.path == "/v1/labels" for line in each.body.splitlines()]


@pytest.fixture
def api() -> Iterator[Api]:
    known = Api()
    with served(known.answer) as known.url:
        yield known


def file(text: str, name: str = "labels.csv") -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def label(**fields: Any) -> Row:
    return {"score": None, "label": None, "selection": "random", "probability": None, **fields}


def test_import_sends_the_lines_of_a_csv_by_its_header(api: Api, capsys: Captured) -> None:
    name = file(
        'item_id,criterion,annotator,score,selection,probability,text\na,c,ann,4,,0.5,"one\ntwo"\nb,c,bob,2.5,targeted,,x\n'
    )
    assert main(["import", name, "--url", api.url]) == 0
    assert api.labels == [
        label(item_id="a", criterion="c", annotator="ann", score=4.0, probability=0.5),
        label(item_id="b", criterion="c", annotator="bob", score=2.5, selection="targeted"),
    ]
    printed = capsys.readouterr()
    assert printed.out == "2 labels: 2 stored, 0 unchanged\n"
    assert printed.err == "columns that are not used: text\n"


def test_import_takes_other_columns_and_values_for_all_lines(api: Api, capsys: Captured) -> None:
    name = file("\ufeffid,rater,grade\nx/1,ann,pass\nx/2,ann,fail\n")
    mapped = ["--item-id", "id", "--annotator", "rater", "--label", "grade", "--criterion", "safe", "--json"]
    assert main(["import", name, "--url", api.url, "--key", "k", *mapped]) == 0
    assert [(each["item_id"], each["criterion"], each["label"]) for each in api.labels] == [
        ("x/1", "safe", "pass"),
        ("x/2", "safe", "fail"),
    ]
    assert json.loads(capsys.readouterr().out) == {"received": 2, "stored": 2, "unchanged": 0}


def test_import_sends_json_lines(api: Api) -> None:
    lines = [{"item_id": "a", "criterion": "c", "annotator": "p", "score": 3, "note": [1]}, {}, {"label": "x"}]
    lines[2] = {"item_id": "b", "criterion": "c", "annotator": "p", "label": "x"}
    name = file(f"{json.dumps(lines[0])}\n\n{json.dumps(lines[2])}\n", "labels.jsonl")
    assert main(["import", name, "--url", api.url]) == 0
    assert [(each["score"], each["label"]) for each in api.labels] == [(3.0, None), (None, "x")]


def test_import_sends_a_thousand_lines_at_a_time(api: Api) -> None:
    rows = "".join(f"i{n},c,ann,{n % 5 + 1}\n" for n in range(2500))
    assert main(["import", file(f"item_id,criterion,annotator,score\n{rows}"), "--url", api.url]) == 0
    assert [len(each.body.splitlines()) for each in api.asked] == [1000, 1000, 500]
    assert len({each["item_id"] for each in api.labels}) == 2500


HEAD = "item_id,criterion,annotator,score,label\n"


@pytest.mark.parametrize(
    ("name", "text", "arguments", "said"),
    [
        ("labels.csv", HEAD + "a,c,ann,4,\n,c,ann,4,\na,c,ann,x,\na,c,ann,,\na,c,ann,1,pass\n", [],
         ["line 3: item_id: is missing", "line 4: score: 'x' is not a number",
          "line 5: has neither a score nor a label", "line 6: has a score and a label"]),
        ("labels.csv", 'item_id,criterion,annotator,score\n"a\nb",c,ann,4\n"c",c\n', [],
         ["line 4: has 2 columns, and the first line 4"]),
        ("labels.csv", 'item_id,criterion,annotator,score\na,c,ann,"4\n', [], ["line 2: unexpected end of data"]),
        ("labels.csv", "item_id,score,score\na,1,2\n", [], ["line 1: there are two columns 'score'"]),
        ("labels.csv", "id,criterion,annotator,score\na,c,p,1\n", ["--score", "grade"],
         ["there is no column 'item_id': name the column with --item-id; the file has id, criterion, annotator, score",
          "there is no column 'grade' for --score: the file has id, criterion, annotator, score"]),
        ("labels.csv", "item_id,criterion,annotator\na,c,p\n", [],
         ["there is no column 'score' or 'label': name it with --score or --label;"
          " the file has item_id, criterion, annotator"]),
        ("labels.csv", "item_id,score\na,1\n", ["--criterion", "c"],
         ["there is no column 'annotator': name the column, or the value for all lines with --annotator;"
          " the file has item_id, score"]),
        ("labels.csv", HEAD + "a,c,p,1,\n", ["--selection", "hand-picked"],
         ["line 2: selection: Invalid enum value 'hand-picked'"]),
        ("labels.csv", HEAD + "a,c,p,1,\n", ["--probability", "2"], ["line 2: probability: Expected `float` <= 1.0"]),
        ("labels.jsonl", '{"item_id": "a"\n[]\n', [],
         ["line 1: not JSON: Expecting ',' delimiter: line 1 column 16 (char 15)", "line 2: is no JSON object"]),
        ("labels.jsonl", '{"item_id": 7, "criterion": "c", "annotator": "p", "score": 1}\n', [],
         ["line 1: item_id: Expected `str`, got `int`"]),
        ("labels.csv", "", [], ["labels.csv: there is no label in it"]),
        ("labels.csv", HEAD, [], ["labels.csv: there is no label in it"]),
        ("labels.txt", "x", [], ["labels.txt: is neither .csv nor .jsonl"]),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_import_says_each_line_that_is_wrong_and_sends_nothing(
    api: Api, capsys: Captured, name: str, text: str, arguments: list[str], said: list[str]
) -> None:
    assert main(["import", file(text, name), "--url", api.url, *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.err.splitlines() == said
    assert printed.out == ""
    assert api.asked == []


def test_import_says_what_a_file_is_that_is_no_text(api: Api, capsys: Captured) -> None:
    Path("labels.csv").write_bytes(b"item_id\n\xff\n")
    assert main(["import", "labels.csv", "--url", api.url]) == 2
    assert main(["import", "absent.csv", "--url", api.url]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "labels.csv: is not UTF-8: invalid start byte at byte 8"
    assert "No such file" in said[1]


def test_import_says_no_more_than_is_needed_to_see_what_is_wrong(api: Api, capsys: Captured) -> None:
    assert main(["import", file(HEAD + "a,c,p,,\n" * 50), "--url", api.url]) == 2
    said = capsys.readouterr().err.splitlines()
    assert (len(said), said[-1]) == (21, "and 30 more")


def test_import_names_a_refused_label_by_its_line_and_says_how_to_go_on(api: Api, capsys: Captured) -> None:
    rows = "".join(f"i{n},c,ann,{n % 5 + 1}\n" for n in range(1010))
    errors = [{"pointer": "/labels/2/score", "detail": "9 is not between 1 and 5"}, {"pointer": "", "detail": "odd"}]
    refusal = {"title": "Bad Request", "detail": "2 are wrong", "errors": errors}
    stored = {"received": 1000, "stored": 900, "unchanged": 100}
    api.answers["/v1/labels"] = [(200, stored), (400, refusal)]
    assert main(["import", file(f"item_id,criterion,annotator,score\n{rows}"), "--url", api.url]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "1000 of 1010 labels are stored, those before line 1002; import the file again: labels that are stored already"
        " are not counted twice",
        "line 1004: score: 9 is not between 1 and 5",
        "/: odd",
    ]


def test_import_says_what_keeps_it_from_being_let_in(api: Api, capsys: Captured) -> None:
    api.answers["/v1/labels"] = [(403, {"title": "Forbidden", "detail": "the key k lacks the scope label"})]
    assert main(["import", file(HEAD + "a,c,p,1,\n"), "--url", api.url]) == 2
    assert "refused (403): the key k lacks the scope label" in capsys.readouterr().err


def test_import_bears_with_a_service_that_is_away_for_a_moment(api: Api) -> None:
    api.answers["/v1/labels"] = [(503, {}), (200, {"received": 1, "stored": 1, "unchanged": 0})]
    assert main(["import", file(HEAD + "a,c,p,1,\n"), "--url", api.url]) == 0


def measure(
    value: float | None, lower: float | None = None, upper: float | None = None, reason: str | None = None
) -> Row:
    return {"value": value, "lower": lower, "upper": upper, "reason": reason}


REPORT: Row = {
    "judge": {"name": "wit", "version": 3, "digest": "sha256:ab"},
    "model": "openai/gpt",
    "criterion": "wit",
    "window": "7d",
    "selection": "all",
    "pairs": 40,
    "items": 20,
    "annotators": 2,
    "table": {"values": [1, 2, 3], "counts": [[10, 2, 0], [3, 10, 0], [0, 5, 10]]},
    "statistics": {
        "exact": measure(0.75, 0.6, 0.86),
        "spearman": measure(0.7, 0.5, 0.8),
        "cohen_kappa": measure(0.02, -0.1, 0.12),
        "kendall_tau_b": measure(None, reason="judge_constant"),
    },
    "human_ceiling": {"statistics": {"exact": measure(0.8, 0.7, 0.9), "spearman": measure(None, reason="no_pairs")}},
    "coverage": {"judged": 100, "scored": 95, "unscored": 4, "failed": 1, "by_reason": {"no_score": 4, "timeout": 1}},
    "flags": ["low_prevalence"],
}
ESTIMATE: Row = {
    "judge_mean": measure(3.9, 3.8, 4.0),
    "corrected_mean": measure(3.2, 2.9, 3.5),
    "method": "ppi++",
    "reason": None,
    "labels": 100,
    "unlabelled": 900,
    "labels_worth": {"factor": 1.8, "effective_labels": 180.0},
}


def test_agreement_shows_what_to_believe_the_figures_and_who_said_what(api: Api, capsys: Captured) -> None:
    api.answers = {"/v1/agreement": [(200, REPORT)], "/v1/estimates": [(200, ESTIMATE)]}
    asked = ["--model", "openai/gpt", "--window", "7d", "--selection", "all"]
    assert main(["agreement", "wit", *asked, "--url", api.url]) == 0
    assert [(each.path, each.query) for each in api.asked] == [
        ("/v1/agreement", {"judge": "wit", "model": "openai/gpt", "window": "7d", "selection": "all"}),
        ("/v1/estimates", {"judge": "wit", "model": "openai/gpt", "window": "7d"}),
    ]
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[:5] == [
        "wit@3 openai/gpt on wit; last 7d; all labelled items",
        "40 pairs on 20 items by 2 annotators",
        "95 of 100 judgments have a score; 4 unscored, 1 failed (4 no_score, 1 timeout)",
        "! better than chance (spearman 0.700 (0.500 to 0.800))",
        "! nine labels in ten are the same: kappas are low however often both agree; look at exact and gwet_ac1",
    ]
    assert [" ".join(line.split()) for line in lines[6:11]] == [
        "statistic value 95% interval people among themselves",
        "exact 0.750 0.600 to 0.860 0.800 (0.700 to 0.900)",
        "spearman 0.700 0.500 to 0.800",
        "cohen_kappa 0.020 -0.100 to 0.120 not distinguishable from chance",
        "kendall_tau_b undefined: judge constant",
    ]
    assert [line.split() for line in lines[13:18]] == [
        ["1", "2", "3", "all"],
        ["1", "[10]", "2", "·", "12"],
        ["2", "3", "[10]", "·", "13"],
        ["3", "·", "5", "[10]", "15"],
        ["all", "13", "17", "10", "40"],
    ]
    assert lines[19:] == [
        "the judge's mean is 3.900 (3.800 to 4.000)",
        "corrected by the labels, it is 3.200 (2.900 to 3.500)",
        "your 100 labels act like 180, thanks to 900 more judged items",
    ]


def test_agreement_prints_json_for_machines(api: Api, capsys: Captured) -> None:
    api.answers = {"/v1/agreement": [(200, REPORT)]}
    assert main(["agreement", "wit", "--json", "--url", api.url]) == 0
    assert json.loads(capsys.readouterr().out) == REPORT


def test_agreement_of_two_judges_asks_for_no_estimate(api: Api, capsys: Captured) -> None:
    other = {"judge": {"name": None, "version": None, "digest": "sha256:cd"}, "model": "panel"}
    api.answers = {"/v1/agreement": [(200, {**REPORT, "other": other})]}
    assert main(["agreement", "wit", "--other", "sha256:cd:panel", "--url", api.url]) == 0
    assert api.asked[0].query == {"judge": "wit", "other": "sha256:cd:panel"}
    printed = capsys.readouterr().out
    assert "against sha256:cd panel" in printed
    assert "Rows: the other judge." in printed


def test_agreement_does_without_an_estimate_where_labels_are_no_numbers(api: Api, capsys: Captured) -> None:
    refusal = {"title": "Unprocessable Content", "detail": "it has no numbers"}
    api.answers = {"/v1/agreement": [(200, REPORT)], "/v1/estimates": [(422, refusal)]}
    assert main(["agreement", "wit", "--url", api.url]) == 0
    assert "mean" not in capsys.readouterr().out
    api.answers["/v1/estimates"] = [(503, refusal)]
    assert main(["agreement", "wit", "--url", api.url]) == 2


def test_agreement_says_why_it_is_refused(api: Api, capsys: Captured) -> None:
    errors = [{"pointer": "/judge", "detail": "there is no judge wit"}]
    api.answers = {"/v1/agreement": [(422, {"detail": "/judge: there is no judge wit", "errors": errors})]}
    assert main(["agreement", "wit", "--url", api.url]) == 2
    assert capsys.readouterr().err == "refused (422): /judge: there is no judge wit\n"


@pytest.mark.parametrize(
    ("statistics", "said"),
    [
        ({"spearman": measure(0.1, -0.1, 0.3)}, "NOT DISTINGUISHABLE FROM CHANCE: the interval contains 0"),
        ({"cohen_kappa": measure(0.0, 0.0, 0.3)}, "NOT DISTINGUISHABLE FROM CHANCE: the interval contains 0"),
        ({"spearman": measure(-0.5, -0.6, -0.3)}, "WORSE THAN CHANCE"),
        ({"spearman": measure(None, reason="judge_constant")},
         "NOT DISTINGUISHABLE FROM CHANCE: spearman is undefined (judge constant)"),
        ({"spearman": measure(1.0, reason="one_pair")},
         "NOT DISTINGUISHABLE FROM CHANCE: spearman has no interval (one pair)"),
        ({"cohen_kappa": measure(0.4, 0.2, 0.6)}, "better than chance"),
        ({"exact": measure(0.4, 0.2, 0.6)}, "no statistic tells it from chance"),
    ],
)  # fmt: skip
def test_a_worthless_judge_is_seen_to_be_worthless(statistics: Row, said: str) -> None:
    assert chance_finding(statistics).startswith(said)
    flags = ["not_better_than_chance", "one of a later version"]
    first, *others = finding_lines({**REPORT, "statistics": statistics, "flags": flags})
    assert first.startswith(said)
    assert others == ["one of a later version"]


def test_nothing_to_compare_is_said_once() -> None:
    assert list(finding_lines({**REPORT, "pairs": 0, "flags": ["insufficient"]})) == [
        "nothing to compare: no item was both scored by the judge and labelled by people"
    ]


def test_a_table_of_fractions_is_shown_by_the_nearest_level_and_a_long_scale_in_classes() -> None:
    columns = [1 + n / 20 for n in range(41)]
    counts = [[1] * 41 for _ in range(3)]
    shown = confusion_table({"values": [1, 2, 3], "columns": columns, "counts": counts})
    assert (shown.rows, shown.columns) == (["1", "2", "3"], ["1", "2", "3"])
    assert [sum(row) for row in shown.counts] == [41, 41, 41]
    hundred = list(range(101))
    shown = confusion_table({"values": hundred, "counts": [[int(i == j) for j in hundred] for i in hundred]})
    assert shown.rows == shown.columns
    assert shown.rows[0] == "0 to 10"
    assert [shown.counts[n][n] for n in range(10)] == [10] * 9 + [11]


def test_words_that_nobody_said_are_left_out_of_a_long_table() -> None:
    words = [f"label {n}" for n in range(40)]
    counts = [[0] * 40 for _ in words]
    counts[3][7] = counts[7][7] = 2
    shown = confusion_table({"values": words, "counts": counts})
    assert (shown.rows, shown.columns) == (["label 3", "label 7"], ["label 3", "label 7"])
    assert shown.counts == [[0, 2], [0, 2]]


def test_what_else_was_found_is_said_and_nothing_of_what_was_not() -> None:
    share = {"value": 0.75, "lower": 0.6, "upper": 0.9, "total": 40, "reason": None}
    none = {**share, "value": None, "total": 0, "reason": "no_pairs"}
    bias: Row = {
        "position": {"consistency": share, "first_preference": share, "p_value": 0.01},
        "repeats": {"exact": share, "alpha": 0.5, "deviation": 0.4},
        "length_bias": {"pairs": 40, "spearman": measure(0.4, 0.2, 0.6), "kendall_tau_b": measure(0.3, 0.1, 0.5)},
        "self_preference": measure(0.5, 0.1, 0.9),
    }
    test = {"winning_rate": 0.5, "passed": True, "duels": {"ann": {}, "bob": {}}}
    assert list(note_lines({"bias": bias, "alt_test": test})) == [
        "alternative annotator test passed: it may replace 50% of 2 annotators",
        "with the outputs in the other order it gives the same verdict for 75% of 40",
        "if the verdicts differ, it prefers the first output in 75% of 40",
        "asked again, it gives the same answer for 75% of 40",
        "it favours longer texts: its error, score minus label, correlates with length"
        " (spearman 0.400 (0.200 to 0.600))",
        "its error on texts of its own family of models is 0.500 (0.100 to 0.900) points above that on others'",
    ]
    unknown = {
        "position": None,
        "repeats": {"exact": none},
        "length_bias": {"spearman": measure(0.1, -0.2, 0.4)},
        "self_preference": measure(None, reason="no_own_texts"),
    }
    assert list(note_lines({"bias": unknown, "alt_test": {**test, "winning_rate": None}})) == []
    assert list(note_lines({})) == []


def test_an_estimate_says_what_it_rests_on() -> None:
    few = {**ESTIMATE, "method": "labels_only", "reason": "few_labels", "labels": 9}
    assert list(estimate_lines(few))[1] == (
        "by the labels alone it is 3.200 (2.900 to 3.500); the judge adds nothing yet: fewer than 50 items are labelled"
    )
    none = {**few, "corrected_mean": measure(None), "reason": "no_labels", "labels": 0}
    assert list(estimate_lines(none))[1:] == ["people's mean is unknown: no label was drawn at random"]


DIFFERING = {"hash": "judged:ceiling:all::c", "field": "item\tr", "stored": 1, "recounted": 2}
REBUILT: Row = {"items": 2, "labels": 3, "counters": 40, "differing": 0, "examples": [], "repaired": False}


@pytest.mark.parametrize(
    ("found", "arguments", "code", "said"),
    [
        (REBUILT, [], 0, ["recounted 40 counters from 3 labels of 2 items: none differs"]),
        ({**REBUILT, "differing": 1, "examples": [DIFFERING]}, [], 1,
         ["recounted 40 counters from 3 labels of 2 items: 1 differs",
          "  judged:ceiling:all::c item r: 1, recounted 2"]),
        ({**REBUILT, "differing": 2, "repaired": True}, ["--repair"], 0,
         ["recounted 40 counters from 3 labels of 2 items: 2 differ, repaired"]),
    ],
)  # fmt: skip
def test_rebuild_says_whether_the_counters_are_right(
    api: Api, capsys: Captured, found: Row, arguments: list[str], code: int, said: list[str]
) -> None:
    api.answers = {"/v1/agreement/rebuild": [(200, found)]}
    assert main(["rebuild", *arguments, "--url", api.url]) == code
    assert api.asked[0].query == {"repair": "true" if arguments else "false"}
    assert capsys.readouterr().out.splitlines() == said
    assert main(["rebuild", "--json", "--url", api.url]) == int(found["differing"] and not found["repaired"])
    assert json.loads(capsys.readouterr().out) == found
