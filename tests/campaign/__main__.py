"""Kills, freezes and starves everything, and counts: `python -m tests.campaign --rounds 500 --seed 1 --lanes 4`

Each round sends jobs and labels to real processes on a store of their own while drawn faults happen. After it, all
that was accepted must have ended once, and every count must equal a recount. Prints each difference, and a table in
the end; the exit code is 1 if there was a difference. `--only "store killed"` plays one fault alone.
JUDGED_TEST_STORE names the store's program, such as redis-server.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from tests.campaign.faults import FAULTS
from tests.campaign.rounds import campaign, table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=4, help="rounds side by side, each on a store of its own")
    parser.add_argument("--only", choices=list(FAULTS), help="one fault, in every round")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="campaign-", dir="/tmp"))
    played = asyncio.run(campaign(options.rounds, options.seed, options.lanes, folder, only=options.only))
    print(table(played))
    if any(each.differences for each in played):
        print(f"stores and logs are kept in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
