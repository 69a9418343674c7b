"""A worker on a machine whose clock is wrong by JUDGED_TEST_SKEW_S seconds."""

import os
import runpy
import time

_SKEW_S = float(os.environ.pop("JUDGED_TEST_SKEW_S"))
_right = time.time
time.time = lambda: _right() + _SKEW_S
time.time_ns = lambda: int(time.time() * 1e9)

if __name__ == "__main__":
    runpy.run_module("worker", run_name="__main__")
