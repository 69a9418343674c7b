"""Processes of the last recorded version and of the code here, on one store at once."""

from pathlib import Path

import pytest

from tests.upgrades.mixed import Replacement, earlier_code, upgraded
from tests.upgrades.test_recorded_stores import NAMES, recorded


@pytest.mark.timeout(240)  # two APIs and three workers, one after the other
async def test_old_and_new_processes_end_every_job_once(tmp_path: Path) -> None:
    """An old API with an old and a new worker, then a new API with them; `mixed.py` plays the way back, too."""
    replacements = [Replacement("new", "worker"), Replacement("new", "API")]
    commit = recorded(NAMES[-1])["commit"]
    try:
        with earlier_code(commit) as old:
            steps = [step async for step in upgraded(tmp_path, old, replacements)]
    except LookupError as error:
        pytest.skip(f"{error} (a shallow clone has no earlier code)")
    assert [(each.name, each.differences) for each in steps if each.differences] == []
    assert [each.judgments for each in steps] == [56] * 2
