"""The dashboard on what judging costs."""

from grafana_foundation_sdk.builders import dashboard

from deploy.grafana.panels import Query, bars, chart, new_dashboard, number

_USD = "currencyUSD"
_COST = "judged_cost_usd_total"
_NOTE = "Models whose price is not known cost nothing here."


def cost() -> dashboard.Dashboard:
    """Dollars and tokens, by model, and what a judgment takes."""
    made = new_dashboard("judged-cost", "judged: cost", "Dollars and tokens that judging takes. " + _NOTE, last="24h")
    made.with_row(dashboard.Row("In the time shown"))
    for panel in (
        number(
            "Spent",
            "US dollars in the dashboard's time. " + _NOTE,
            Query(f"sum(increase({_COST}[$__range]))"),
            unit=_USD,
            span=6,
        ),
        number(
            "A thousand judgments",
            "US dollars for 1,000 judgments, over all judges. Samples, both orders and re-asks cost their calls again.",
            Query(
                f"1000 * sum(increase({_COST}[$__range]))"
                ' / sum(increase(judged_judgments_total{outcome!="cancelled"}[$__range]))'
            ),
            unit=_USD,
            span=6,
        ),
        number(
            "Tokens",
            "Read and written by models.",
            Query("sum(increase(judged_tokens_total[$__range]))"),
            decimals=1,
            span=6,
        ),
        number(
            "At this rate, in 30 days",
            "The last hour's rate for 30 days.",
            Query(f"sum(rate({_COST}[1h])) * 86400 * 30"),
            unit=_USD,
            span=6,
        ),
    ):
        made.with_panel(panel)
    made.with_row(dashboard.Row("By model"))
    for panel in (
        chart(
            "US dollars an hour",
            "By model. " + _NOTE,
            Query(f"sum by (model) (rate({_COST}[$__rate_interval])) * 3600", "{{model}}"),
            unit=_USD,
            stacked=True,
            span=12,
        ),
        chart(
            "Tokens a second",
            "input is what models read: the prompt and your texts. output is what they wrote, explanations mostly.",
            Query("sum by (model, direction) (rate(judged_tokens_total[$__rate_interval]))", "{{model}} {{direction}}"),
            stacked=True,
            span=12,
        ),
        bars(
            "Spent, by model",
            "US dollars in the dashboard's time.",
            Query(f"sort_desc(sum by (model) (increase({_COST}[$__range])))", "{{model}}"),
            unit=_USD,
            span=12,
        ),
        bars(
            "Judgments, by judge",
            "What the money is spent on, in the dashboard's time.",
            Query(
                "sort_desc(sum by (judge, version) (increase(judged_judgments_total[$__range])))",
                "{{judge}} {{version}}",
            ),
            span=12,
        ),
    ):
        made.with_panel(panel)
    return made
