"""The garbage collector of long-running processes."""

import gc


def collect_less() -> None:
    """Makes the collector run less often, and never over what is there already: modules, routes, settings.

    Requests and judgments make thousands of short-lived objects and few cycles; meanwhile, every thread waits for the
    collector.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
