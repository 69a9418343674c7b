"""The operations dashboard: whether the service works."""

from grafana_foundation_sdk.builders import dashboard

from deploy.grafana.panels import GREEN, GREY, ORANGE, RED, Query, chart, new_dashboard, number

_RATE = "[$__rate_interval]"


def operations() -> dashboard.Dashboard:
    """Returns the dashboard: workers, queue, judgments and their outcomes, providers, and the state of the metrics."""
    made = new_dashboard(
        "judged-operations",
        "judged: operations",
        "Whether judgments are made, how fast, and the causes of failures.",
        last="6h",
    )
    _state(made)
    _judgments(made)
    _providers(made)
    _archive(made)
    return made


def _state(made: dashboard.Dashboard) -> None:
    made.with_row(dashboard.Row("Now"))
    for panel in (
        number(
            "Workers",
            "Workers with a recent heartbeat. At 0 nothing is judged, and jobs wait.",
            Query("max(judged_workers)"),
            [(None, RED), (1, GREEN)],
            decimals=0,
        ),
        number(
            "Waiting",
            "Judgments accepted but not finished.",
            Query("max(judged_queue_items)"),
            decimals=0,
        ),
        number(
            "Scored",
            "Share of the last hour's judgments that have a score. The reasons of the others are below.",
            Query(
                'sum(increase(judged_judgments_total{outcome="scored"}[1h]))'
                ' / sum(increase(judged_judgments_total{outcome!="cancelled"}[1h]))'
            ),
            [(None, RED), (0.9, ORANGE), (0.98, GREEN)],
            unit="percentunit",
        ),
        number(
            "Failing calls",
            "Share of the last hour's provider calls that ended in an error.",
            Query(
                '(sum(increase(judged_provider_request_seconds_count{status!~"2.."}[1h])) or vector(0))'
                " / sum(increase(judged_provider_request_seconds_count[1h]))"
            ),
            [(None, GREEN), (0.02, ORANGE), (0.1, RED)],
            unit="percentunit",
        ),
        number(
            "Age of the agreement gauges",
            "Time since they were last computed. They are refreshed every [worker] refresh_seconds; alerts on judges "
            "are unreliable if they are old.",
            Query("time() - max(judged_agreement_refreshed_timestamp_seconds)"),
            [(None, GREEN), (60, ORANGE), (300, RED)],
            unit="s",
            decimals=0,
        ),
        number(
            "Series dropped",
            "Series beyond the limit, in the last hour. Above 0, some judges or models are summed under `other`.",
            Query("sum(increase(judged_metrics_series_dropped_total[1h])) or vector(0)"),
            [(None, GREEN), (1, ORANGE)],
            decimals=0,
        ),
    ):
        made.with_panel(panel)


def _judgments(made: dashboard.Dashboard) -> None:
    made.with_row(dashboard.Row("Judgments"))
    for panel in (
        chart(
            "Judgments per second, by outcome",
            "unscored: the model answered without a valid score. failed: it gave no answer after all retries.",
            Query(f"sum by (outcome) (rate(judged_judgments_total{_RATE}))", "{{outcome}}"),
            stacked=True,
        ),
        chart(
            "Judgments without a score per second, by reason",
            "The README has a table with the remedy for each reason.",
            Query(f'sum by (reason) (rate(judged_judgments_total{{reason!=""}}{_RATE})) or vector(0)', "{{reason}}"),
            stacked=True,
        ),
        chart(
            "Queue",
            "If the queue keeps growing, add workers or raise the providers' limits.",
            Query("max(judged_queue_items)", "waiting"),
            least=0,
        ),
        chart(
            "Time in the queue",
            "From accepting a job to starting a judgment: half of them take at most p50, 95% at most p95.",
            *_quantiles("judged_queue_wait_seconds_bucket"),
            unit="s",
            least=0,
        ),
        chart(
            "Time to judge an item",
            "From the start of a judgment to its end, including all calls and retries.",
            *_quantiles("judged_judgment_seconds_bucket"),
            unit="s",
            least=0,
        ),
        chart(
            "Answers per second, by how they were read",
            "schema and tool are structured output; json, line and prose were found in a text. A model that changes "
            "from the former to the latter has lost its structured output.",
            Query(f"sum by (parsed_from) (rate(judged_parsed_total{_RATE}))", "{{parsed_from}}"),
            stacked=True,
        ),
    ):
        made.with_panel(panel)


def _providers(made: dashboard.Dashboard) -> None:
    made.with_row(dashboard.Row("Providers"))
    calls = "judged_provider_request_seconds"
    for panel in (
        chart(
            "Calls per second, by status",
            "The HTTP status, or timeout or error if there was no response. 429 is the provider's rate limit: lower "
            "requests_per_minute.",
            Query(f"sum by (provider, status) (rate({calls}_count{_RATE}))", "{{provider}} {{status}}"),
            stacked=True,
        ),
        chart(
            "Time of a call, p95",
            "95% of the calls take at most this long. Near the provider's timeout_seconds, calls are being cut off.",
            Query(
                f"histogram_quantile(0.95, sum by (le, model) (rate({calls}_bucket{_RATE})))",
                "{{model}}",
            ),
            unit="s",
            least=0,
            levels=[(None, "transparent"), (60, GREY)],
        ),
        chart(
            "Retried calls per second",
            "Retries after temporary errors. Each costs time, and tokens if the answer was lost.",
            Query(f"sum by (model) (rate(judged_provider_retries_total{_RATE})) or vector(0)", "{{model}}"),
            least=0,
        ),
    ):
        made.with_panel(panel)


def _archive(made: dashboard.Dashboard) -> None:
    made.with_row(dashboard.Row("Archive"))
    for panel in (
        chart(
            "Archive lag",
            "For how long the oldest job that should be archived has waited. While it grows, the store grows. 0 "
            "without an archive.",
            Query("max(judged_archive_lag_seconds) or vector(0)", "lag"),
            unit="s",
            least=0,
        ),
        chart(
            "Jobs that wait for the archive",
            "Jobs that have ended and stay in the store until they are archived, also those that are not due yet.",
            Query("max(judged_unarchived_jobs) or vector(0)", "jobs"),
            least=0,
        ),
        chart(
            "Archived and failed",
            "Judgments archived per second, and runs of the archive that failed: the workers' log has the reason.",
            Query(f"sum(rate(judged_archived_judgments_total{_RATE})) or vector(0)", "judgments"),
            Query(f"sum(rate(judged_archive_failures_total{_RATE})) or vector(0)", "failed runs"),
            least=0,
        ),
    ):
        made.with_panel(panel)


def _quantiles(metric: str) -> list[Query]:
    return [
        Query(f"histogram_quantile({share}, sum by (le) (rate({metric}{_RATE})))", name)
        for share, name in ((0.5, "p50"), (0.95, "p95"))
    ]
