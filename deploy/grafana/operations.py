"""The dashboard on whether the service does its work."""

from grafana_foundation_sdk.builders import dashboard

from deploy.grafana.panels import GREEN, GREY, ORANGE, RED, Query, chart, new_dashboard, number

_RATE = "[$__rate_interval]"


def operations() -> dashboard.Dashboard:
    """Workers and queue, judgments and their outcomes, providers, and what the metrics themselves are worth."""
    made = new_dashboard(
        "judged-operations",
        "judged: operations",
        "Whether judgments come, how fast, and what stops them.",
        last="6h",
    )
    _state(made)
    _judgments(made)
    _providers(made)
    return made


def _state(made: dashboard.Dashboard) -> None:
    made.with_row(dashboard.Row("Now"))
    for panel in (
        number(
            "Workers",
            "Alive by their heartbeat. At 0 nothing is judged, and what is sent waits.",
            Query("max(judged_workers)"),
            [(None, RED), (1, GREEN)],
            decimals=0,
        ),
        number(
            "Waiting",
            "Judgments accepted and not finished.",
            Query("max(judged_queue_items)"),
            decimals=0,
        ),
        number(
            "Scored",
            "Share of the judgments of the last hour that have a score. The others have a reason, below.",
            Query(
                'sum(increase(judged_judgments_total{outcome="scored"}[1h]))'
                ' / sum(increase(judged_judgments_total{outcome!="cancelled"}[1h]))'
            ),
            [(None, RED), (0.9, ORANGE), (0.98, GREEN)],
            unit="percentunit",
        ),
        number(
            "Failing calls",
            "Share of the calls to providers in the last hour that ended in an error.",
            Query(
                '(sum(increase(judged_provider_request_seconds_count{status!~"2.."}[1h])) or vector(0))'
                " / sum(increase(judged_provider_request_seconds_count[1h]))"
            ),
            [(None, GREEN), (0.02, ORANGE), (0.1, RED)],
            unit="percentunit",
        ),
        number(
            "Age of the agreement gauges",
            "Since they were last computed. They are refreshed every [worker] refresh_seconds; old ones blind the "
            "alerts.",
            Query("time() - max(judged_agreement_refreshed_timestamp_seconds)"),
            [(None, GREEN), (60, ORANGE), (300, RED)],
            unit="s",
            decimals=0,
        ),
        number(
            "Series dropped",
            "In the last hour, those past the cap on series. Above 0, some judges or models are added up under "
            "`other`.",
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
            "Judgments a second, by outcome",
            "unscored: the model answered without a valid score. failed: it gave no answer, after all retries.",
            Query(f"sum by (outcome) (rate(judged_judgments_total{_RATE}))", "{{outcome}}"),
            stacked=True,
        ),
        chart(
            "Why there is no score, judgments a second",
            "By reason; the README's table says what to do about each.",
            Query(f'sum by (reason) (rate(judged_judgments_total{{reason!=""}}{_RATE})) or vector(0)', "{{reason}}"),
            stacked=True,
        ),
        chart(
            "Queue",
            "A queue that grows for long needs more workers, or higher limits of the providers.",
            Query("max(judged_queue_items)", "waiting"),
            least=0,
        ),
        chart(
            "Wait for a judgment's turn",
            "From the job's intake to the start of a judgment: half of them take no longer than p50, 19 of 20 than "
            "p95.",
            *_quantiles("judged_queue_wait_seconds_bucket"),
            unit="s",
            least=0,
        ),
        chart(
            "Time to judge an item",
            "From a judgment's start to its end, all calls and retries included.",
            *_quantiles("judged_judgment_seconds_bucket"),
            unit="s",
            least=0,
        ),
        chart(
            "How answers were read, a second",
            "schema and tool are exact; json, line and prose were found in a text. A model that moves from the former "
            "to the latter has lost its structured output.",
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
            "Calls a second, by status",
            "HTTP status, or timeout or error where none came. 429 is the provider's rate limit: lower "
            "requests_per_minute.",
            Query(f"sum by (provider, status) (rate({calls}_count{_RATE}))", "{{provider}} {{status}}"),
            stacked=True,
        ),
        chart(
            "Time of a call, p95",
            "19 of 20 calls take no longer. Near the provider's timeout_seconds, calls are being cut off.",
            Query(
                f"histogram_quantile(0.95, sum by (le, model) (rate({calls}_bucket{_RATE})))",
                "{{model}}",
            ),
            unit="s",
            least=0,
            levels=[(None, "transparent"), (60, GREY)],
        ),
        chart(
            "Calls tried again, a second",
            "Errors that may pass. Each costs time, and tokens where the answer was lost.",
            Query(f"sum by (model) (rate(judged_provider_retries_total{_RATE})) or vector(0)", "{{model}}"),
            least=0,
        ),
    ):
        made.with_panel(panel)


def _quantiles(metric: str) -> list[Query]:
    return [
        Query(f"histogram_quantile({share}, sum by (le) (rate({metric}{_RATE})))", name)
        for share, name in ((0.5, "p50"), (0.95, "p95"))
    ]
