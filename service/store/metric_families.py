"""The stored counters and gauges, as the metric families of Prometheus: only a scrape needs its library."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from redis.asyncio import Redis

from service.store import keys
from service.store.connection import reply
from service.store.counters import METRICS, SEPARATOR, Metric
from service.store.gauges import Gauge, load_gauges


async def metric_families(redis: Redis, prefix: str) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
    """Returns all counters as Prometheus metric families."""
    stored = await reply(redis.hgetall(keys.COUNTERS))
    series: dict[str, dict[tuple[str, ...], int]] = {}
    for field, value in stored.items():
        name, *rest = field.decode().split(SEPARATOR)
        series.setdefault(name, {})[tuple(rest)] = int(value)
    return (_family(metric, series.get(metric.name, {}), prefix) for metric in METRICS)


async def gauge_families(redis: Redis, prefix: str) -> list[GaugeMetricFamily]:
    """Returns all gauges and the time of their computation as Prometheus metric families; none before the first."""
    refreshed = await load_gauges(redis)
    if refreshed is None:
        return []
    at = GaugeMetricFamily(
        prefix + "agreement_refreshed_timestamp_seconds", "When the gauges of agreement were computed"
    )
    at.add_metric((), refreshed.at)
    return [at, *(_gauge(each, prefix) for each in refreshed.gauges if each.rows)]


def _family(
    metric: Metric, series: dict[tuple[str, ...], int], prefix: str
) -> CounterMetricFamily | HistogramMetricFamily:
    if metric.buckets:
        return _histogram(metric, series, prefix)
    family = CounterMetricFamily(prefix + metric.name, metric.help, labels=metric.labels)
    for values, total in sorted(series.items()):
        family.add_metric(values, total / metric.unit)
    return family


def _histogram(metric: Metric, series: dict[tuple[str, ...], int], prefix: str) -> HistogramMetricFamily:
    family = HistogramMetricFamily(prefix + metric.name, metric.help, labels=metric.labels)
    for values in sorted({rest[:-1] for rest in series}):
        running, buckets = 0, []
        for index, bound in enumerate((*metric.buckets, float("inf"))):
            running += series.get((*values, str(index)), 0)
            buckets.append(("+Inf" if bound == float("inf") else str(float(bound)), float(running)))
        family.add_metric(values, buckets, sum_value=series.get((*values, "sum"), 0) / metric.unit)
    return family


def _gauge(gauge: Gauge, prefix: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(prefix + gauge.name, gauge.help, labels=gauge.labels)
    for labels, value in gauge.rows:
        if value is not None:
            family.add_metric(labels, value)
    return family
