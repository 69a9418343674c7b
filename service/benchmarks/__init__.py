"""Datasets with people's values, and benchmarks of judges on them.

Other parts of the service import these names from here, never from the modules inside.
"""

from service.benchmarks.benchmark_intake import (
    BegunBenchmark,
    begin_benchmark,
    begin_labelled_benchmark,
    estimate_benchmark,
)
from service.benchmarks.dataset_intake import StoredDataset, store_dataset
from service.benchmarks.labelled_sample import labelled_sample
from service.benchmarks.leaderboard import BoardRow
from service.benchmarks.results import benchmark_id, benchmark_page, cancel_benchmark, show_benchmark

__all__ = [
    "BegunBenchmark",
    "BoardRow",
    "StoredDataset",
    "begin_benchmark",
    "begin_labelled_benchmark",
    "benchmark_id",
    "benchmark_page",
    "cancel_benchmark",
    "estimate_benchmark",
    "labelled_sample",
    "show_benchmark",
    "store_dataset",
]
