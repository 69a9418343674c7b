"""The dashboard on how far a judge can be trusted."""

from grafana_foundation_sdk.builders import dashboard

from deploy.grafana.judge_habits import CRITERION, JUDGE, ON, ONE, PAIRS, SERIES, change, labels, panel, sway
from deploy.grafana.panels import (
    GREEN,
    ORANGE,
    RED,
    Levels,
    Panel,
    Query,
    bars,
    chart,
    choice,
    new_dashboard,
    number,
    rows,
)
from deploy.grafana.panels import variable as among

STATISTICS = [
    "spearman",
    "pearson",
    "kendall_tau_b",
    "cohen_kappa_quadratic",
    "krippendorff_alpha_ordinal",
    "exact",
    "gwet_ac1",
    "cohen_kappa",
    "bias",
]

_BY = ["judge", "version", "criterion", "model"]
_NAMES = "|".join(STATISTICS)


def judge_trust() -> dashboard.Dashboard:
    """All judges at a glance, then one judge: agreement, drift, biases, the panel's models, labels."""
    made = new_dashboard(
        "judged-trust",
        "judged: can the judges be trusted?",
        "How far judges agree with people, with 95% intervals, and whether they change. Choose a judge above.",
        last="24h",
    )
    for each in _variables():
        made.with_variable(each)
    _all_judges(made)
    _one_judge(made)
    change(made)
    sway(made)
    panel(made)
    labels(made)
    return made


def _variables() -> list[dashboard.QueryVariable | dashboard.CustomVariable]:
    of = "label_values(judged_agreement_pairs{%s}, %s)"
    return [
        choice("window", "Window", ["24h", "7d", "30d", "all"], "7d"),
        choice("statistic", "Statistic", STATISTICS, "spearman"),
        among("judge", "Judge", of % ("", "judge")),
        among("version", "Version", of % ('judge="$judge"', "version")),
        among("criterion", "Criterion", of % (JUDGE, "criterion")),
        among("model", "Model", of % (ON, "model")),
    ]


def _all_judges(made: dashboard.Dashboard) -> None:
    made.with_row(dashboard.Row("All judges"))

    def of(metric: str) -> Query:
        return Query(f'max by ({", ".join(_BY)}) (judged_agreement_{metric}{{window="$window"}})')

    made.with_panel(
        rows(
            "Agreement with people ($statistic, $window)",
            "Read `lower` first: where it is 0 or less, the judge tells nothing about what people would say. Below 30 "
            "pairs no figure means much. Scales have correlations, labels cohen_kappa. Only randomly selected labels "
            "count.",
            {
                "pairs": of("pairs"),
                "value": of("${statistic}"),
                "lower": of("${statistic}_lower"),
                "upper": of("${statistic}_upper"),
            },
            by=_BY,
            levels={"pairs": PAIRS, "lower": _LOWER},
        )
    )


_LOWER: Levels = [(None, RED), (0.0001, ORANGE), (0.5, GREEN)]


def _one_judge(made: dashboard.Dashboard) -> None:
    made.with_row(dashboard.Row("$judge $version, $model, on $criterion"))
    for each in (
        number(
            "$statistic",
            "Agreement with people in the window. 0 is chance (but for exact), 1 is perfect; bias is in points of the "
            "scale.",
            Query(f"judged_agreement_${{statistic}}{SERIES}"),
        ),
        number(
            "Lower end of the interval",
            "Red: the 95% interval holds 0, the judge can't be told from chance. Green: surely above 0.5.",
            Query(f"judged_agreement_${{statistic}}_lower{SERIES}"),
            _LOWER,
        ),
        number(
            "Pairs",
            "Labels of people that meet a judgment, in the window. Below 30 (red) no statistic means much.",
            Query(f"judged_agreement_pairs{SERIES}"),
            PAIRS,
            decimals=0,
        ),
        number(
            "Human ceiling",
            "The same statistic between two people who labelled the same items. No judge can be asked for much more; "
            "none where no item has two annotators.",
            Query(f"judged_human_ceiling_${{statistic}}{CRITERION}"),
        ),
        number(
            "Judge's mean",
            "The mean score of everything it judged. Compare it with the corrected mean beside it.",
            Query(f"judged_judge_mean{SERIES}"),
        ),
        number(
            "Corrected mean",
            "What people's labels of a random part say that the mean is (PPI++). Where the judge's mean is far from "
            "it, the judge is too lenient or too strict.",
            Query(f"judged_corrected_mean{SERIES}"),
        ),
    ):
        made.with_panel(each)
    made.with_panel(_agreement_over_time()).with_panel(_statistics())
    made.with_panel(_means())
    made.with_panel(
        bars(
            "Scores given",
            "How often each score was given within the dashboard's time. One long bar is a judge that does not look, "
            "or material that is all alike.",
            Query(f"sum by (score) (increase(judged_score_total{{{JUDGE}}}[$__range]))", "{{score}}"),
            span=12,
        )
    )


def _agreement_over_time() -> Panel:
    return chart(
        "$statistic over time, with its 95% interval",
        "The band is where the true agreement lies. Dashed: the human ceiling. A fall is real when the band leaves its "
        "earlier self; a band that reaches 0 is a judge no better than chance.",
        Query(f"judged_agreement_${{statistic}}{SERIES}", "$statistic"),
        Query(f"judged_agreement_${{statistic}}_lower{SERIES}", "lower"),
        Query(f"judged_agreement_${{statistic}}_upper{SERIES}", "upper"),
        Query(f"judged_human_ceiling_${{statistic}}{CRITERION}", "human ceiling"),
        band=True,
        span=14,
        least=0,
        most=1,
    )


def _statistics() -> Panel:
    def of(family: str, end: str, labels: str) -> Query:
        chosen = f'{{__name__=~"judged_{family}_({_NAMES}){end}", {labels}}}'
        return Query(
            f'max by (statistic) (label_replace({chosen}, "statistic", "$1", "__name__", "judged_{family}_(.*){end}"))'
        )

    one, people = f'{ONE}, window="$window"', 'criterion="$criterion", window="$window"'
    return rows(
        "Every statistic",
        "exact is a share; the others are 0 at chance. A judge with a high correlation and a large bias ranks well "
        "and needs another threshold. gwet_ac1 far above cohen_kappa: nearly all items have the same value.",
        {
            "value": of("agreement", "", one),
            "lower": of("agreement", "_lower", one),
            "upper": of("agreement", "_upper", one),
            "human ceiling": of("human_ceiling", "", people),
        },
        by=["statistic"],
        levels={},
        span=10,
    )


def _means() -> Panel:
    return chart(
        "Mean score, as judged and corrected",
        "Corrected by people's labels (PPI++), with its 95% interval: what people would say on the whole, had they "
        "looked at everything. Outside the band, the judge's own mean misleads.",
        Query(f"judged_judge_mean{SERIES}", "judge"),
        Query(f"judged_corrected_mean{SERIES}", "corrected"),
        Query(f"judged_corrected_mean_lower{SERIES}", "lower"),
        Query(f"judged_corrected_mean_upper{SERIES}", "upper"),
        band=True,
        span=12,
    )
