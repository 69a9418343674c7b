"""Twenty rounds of the campaign: whatever is killed, frozen or refused, all that was accepted ends once."""

from pathlib import Path

import pytest

from tests.campaign.checks import Totals, job_differences
from tests.campaign.faults import FAULTS
from tests.campaign.rounds import Played, campaign, drawn_faults, table

ROUNDS = 20
SEED = 2
LANES = 4  # a round mostly waits for leases to end


@pytest.mark.timeout(600)
async def test_everything_accepted_ends_once_whatever_fails(tmp_path: Path) -> None:
    played = await campaign(ROUNDS, SEED, LANES, tmp_path)
    print(table(played))
    assert len(played) == ROUNDS
    assert [(each.number, each.faults, each.differences) for each in played if each.differences] == []


def test_twenty_rounds_have_every_fault() -> None:
    drawn = drawn_faults(SEED, ROUNDS)
    assert {name for faults in drawn for name in faults} == FAULTS.keys()
    assert len(drawn) == ROUNDS
    assert drawn_faults(SEED, 500)[:ROUNDS] == drawn


def test_a_lost_judgment_and_one_that_stands_twice_are_differences() -> None:
    made = {
        "item_id": "a",
        "id": "1",
        "outcome": "scored",
        "votes": [],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    counts = {"total": 2, "pending": 0, "scored": 2, "unscored": 0, "failed": 0, "cancelled": 0}
    usage = {"input_tokens": 2, "output_tokens": 2}
    job = {"id": "job", "status": "completed", "counts": counts, "usage": usage, "finished_at": "now"}
    sent = [{"id": "a"}, {"id": "b"}]
    sound = [made, made | {"item_id": "b", "id": "2"}]
    assert list(job_differences(job, sound, sent, may_fail=False)) == []
    assert len(list(job_differences(job, sound[:1], sent, may_fail=False))) == 4  # items, counts, tokens in and out
    assert len(list(job_differences(job, [made, made], sent, may_fail=False))) == 2  # items, ids
    failed = [sound[0], sound[1] | {"outcome": "failed"}]
    assert len(list(job_differences(job, failed, sent, may_fail=False))) == 2  # counts, outcome
    assert len(list(job_differences(job | {"finished_at": None}, sound, sent, may_fail=False))) == 1


def test_a_count_that_is_one_too_high_is_a_difference() -> None:
    totals = Totals()
    totals.add([{"outcome": "scored", "usage": {"input_tokens": 11, "output_tokens": 7}}])
    metrics = {
        "judged_judgment_seconds_count": 1.0,
        'judged_tokens_total{direction="input",model="openai/m"}': 11.0,
        'judged_tokens_total{direction="output",model="openai/m"}': 7.0,
        'judged_judgments_total{judge="helpfulness",model="openai/m",outcome="scored",reason="",version="1"}': 1.0,
        'judged_score_total{judge="helpfulness",model="openai/m",score="4",version="1"}': 1.0,
    }
    assert list(totals.differing(metrics, {"scored": 1})) == []
    for name in metrics:
        assert len(list(totals.differing(metrics | {name: metrics[name] + 1}, {"scored": 1}))) == 1, name
    assert len(list(totals.differing(metrics, {"scored": 2}))) == 1


def test_the_table_has_a_line_for_each_fault_and_one_for_all() -> None:
    played = [
        Played(0, ("store killed",), 56, 0, 0, [], 2.0),
        Played(1, ("worker killed", "store killed"), 56, 3, 8, ["a difference"], 12.5),
    ]
    rows = [line.rsplit(maxsplit=6) for line in table(played).splitlines()]
    assert rows[1:] == [
        ["worker killed", "1", "56", "3", "8", "1", "12.5s"],
        ["store killed", "2", "112", "3", "8", "1", "12.5s"],
        ["all", "2", "112", "3", "8", "1", "12.5s"],
    ]
