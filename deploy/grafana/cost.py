"""The cost dashboard."""

from grafana_foundation_sdk.builders import dashboard

from deploy.grafana.panels import Query, bars, chart, new_dashboard, number

_USD = "currencyUSD"
_COST = "judged_cost_usd_total"
_NOTE = "Models without a known price are not included."


def cost() -> dashboard.Dashboard:
    """Returns the dashboard: US dollars and tokens, by model, and per judgment."""
    made = new_dashboard("judged-cost", "judged: cost", "US dollars and tokens spent on judging. " + _NOTE, last="24h")
    made.with_row(dashboard.Row("In the dashboard's time range"))
    for panel in (
        number(
            "Spent",
            "US dollars in the dashboard's time range. " + _NOTE,
            Query(f"sum(increase({_COST}[$__range]))"),
            unit=_USD,
            span=6,
        ),
        number(
            "Per 1,000 judgments",
            "US dollars for 1,000 judgments, over all judges. Samples, both orders and re-asks add calls.",
            Query(
                f"1000 * sum(increase({_COST}[$__range]))"
                ' / sum(increase(judged_judgments_total{outcome!="cancelled"}[$__range]))'
            ),
            unit=_USD,
            span=6,
        ),
        number(
            "Tokens",
            "Tokens read and written by models.",
            Query("sum(increase(judged_tokens_total[$__range]))"),
            decimals=1,
            span=6,
        ),
        number(
            "At this rate, in 30 days",
            "The last hour's rate, for 30 days.",
            Query(f"sum(rate({_COST}[1h])) * 86400 * 30"),
            unit=_USD,
            span=6,
        ),
    ):
        made.with_panel(panel)
    made.with_row(dashboard.Row("By model"))
    for panel in (
        chart(
            "US dollars per hour",
            "By model. " + _NOTE,
            Query(f"sum by (model) (rate({_COST}[$__rate_interval])) * 3600", "{{model}}"),
            unit=_USD,
            stacked=True,
            span=12,
        ),
        chart(
            "Tokens per second",
            "input: the prompt and the judged texts. output: the models' answers, mostly explanations.",
            Query("sum by (model, direction) (rate(judged_tokens_total[$__rate_interval]))", "{{model}} {{direction}}"),
            stacked=True,
            span=12,
        ),
        bars(
            "Spent, by model",
            "US dollars in the dashboard's time range.",
            Query(f"sort_desc(sum by (model) (increase({_COST}[$__range])))", "{{model}}"),
            unit=_USD,
            span=12,
        ),
        bars(
            "Judgments, by judge",
            "The number of judgments in the dashboard's time range.",
            Query(
                "sort_desc(sum by (judge, version) (increase(judged_judgments_total[$__range])))",
                "{{judge}} {{version}}",
            ),
            span=12,
        ),
    ):
        made.with_panel(panel)
    return made
