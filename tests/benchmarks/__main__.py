"""All benchmarks in short form, each row with its goal beside it: `python -m tests.benchmarks`

`--only judging` runs one of them, `--peers 5` adds the other tools, which are installed the first time. What a busy
machine does to times is not the service's: look at the load, and trust CPU and ratios.
"""

import argparse
from collections.abc import Callable, Iterable

from tests.benchmarks import peers
from tests.benchmarks.judging import Sizes, judging_rows
from tests.benchmarks.memory import memory_rows
from tests.benchmarks.rows import Row, show
from tests.benchmarks.scale import scale_rows
from tests.benchmarks.workers import worker_rows

SHORT = Sizes(pairs=3, items=4000, lone=20, large=20_000, idle=10.0)
BENCHMARKS: dict[str, Callable[[], Iterable[Row]]] = {
    "judging": lambda: judging_rows(SHORT),
    "workers": worker_rows,
    "memory": lambda: memory_rows(items=5000),
    "scale": lambda: scale_rows(rounds=1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=BENCHMARKS, default=list(BENCHMARKS), metavar="NAME")
    parser.add_argument("--peers", type=int, default=0, metavar="ROUNDS", help="compare with other tools, in so many")
    options = parser.parse_args()
    for name in options.only:
        show([Row(f"== {name}", "")])
        show(BENCHMARKS[name]())
    if options.peers:
        peers.main(["--rounds", str(options.peers)])


if __name__ == "__main__":
    main()
