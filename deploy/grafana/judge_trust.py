"""The trust dashboard: how well judges agree with humans."""

from grafana_foundation_sdk.builders import dashboard

from deploy.grafana.judge_habits import CRITERION, JUDGE, ON, ONE, PAIRS, SERIES, change, labels, panel, sway
from deploy.grafana.panels import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    Levels,
    Panel,
    Query,
    Words,
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
    """Returns the dashboard: a table of all judges, then one judge's agreement, drift, biases, panel and labels."""
    made = new_dashboard(
        "judged-trust",
        "judged: can the judges be trusted?",
        "How well judges agree with humans, with 95% intervals, and whether they change. Choose a judge above.",
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


# The rows of one judge are links to its page and to its labelled items, the largest disagreements first.
_VERSION = "${judged}/judges/${__data.fields.judge}@${__data.fields.version}"
_PAGE = ("Open the judge", f"{_VERSION}?model=${{__data.fields.model}}&window=${{window}}")
_ITEMS = (
    "List the items on which people disagree with it",
    f"{_VERSION}/items?model=${{__data.fields.model}}",
)
_VERDICTS: Words = {
    0: ("not better than chance", RED),
    1: ("not better than the baselines", ORANGE),
    2: ("too few labels", GREY),
    3: ("better than the baselines", BLUE),
    4: ("as good as people", GREEN),
}
_LOWER: Levels = [(None, RED), (0.0001, ORANGE), (0.5, GREEN)]


def _all_judges(made: dashboard.Dashboard) -> None:
    made.with_row(dashboard.Row("All judges, worst first"))

    def of(metric: str, more: str = "") -> Query:
        return Query(f'max by ({", ".join(_BY)}) (judged_{metric}{{window="$window"{more}}})')

    made.with_panel(
        rows(
            "Can they be trusted? ($window)",
            "The verdict of `judged agreement`, by the statistic that suits the values: Spearman's correlation on "
            "scales, Cohen's kappa for words; 0 is chance, 1 is perfect. Beside it the baselines and a second person "
            "on the same items. `more labels` is about how many further items to label for a verdict, or for the next "
            "better one. Only randomly selected labels count.",
            {
                "verdict": of("trust_verdict"),
                "agreement": of("trust_statistic"),
                "lower": of("trust_statistic_lower"),
                "upper": of("trust_statistic_upper"),
                "text length": of("trust_baseline_statistic", ', baseline="control/length"'),
                "word overlap": of("trust_baseline_statistic", ', baseline="control/overlap"'),
                "second person": of("trust_person_statistic"),
                "pairs": of("agreement_pairs"),
                "more labels": of("trust_more_labels"),
            },
            by=_BY,
            levels={"pairs": PAIRS, "lower": _LOWER},
            words={"verdict": _VERDICTS},
            links={"judge": [_PAGE, _ITEMS], "verdict": [_PAGE], "pairs": [_ITEMS]},
            first="verdict",
        )
    )


def _one_judge(made: dashboard.Dashboard) -> None:
    made.with_row(dashboard.Row("$judge $version, $model, on $criterion"))
    for each in (
        number(
            "Verdict",
            "`judged agreement` gives its reasons. A 95% interval shows each verdict but too few labels.",
            Query(f"judged_trust_verdict{SERIES}"),
            words=_VERDICTS,
        ),
        number(
            "Agreement with humans",
            "Spearman's correlation on scales, Cohen's kappa for words: 0 is chance, 1 is perfect.",
            Query(f"judged_trust_statistic{SERIES}"),
        ),
        number(
            "Lower end of its interval",
            "Red: the 95% interval contains 0: the labels do not show yet that the judge is better than chance. Green: "
            "above 0.5.",
            Query(f"judged_trust_statistic_lower{SERIES}"),
            _LOWER,
        ),
        number(
            "Text length",
            "The agreement of the baseline text length with humans on the same items. A judge that is not clearly "
            "above it is not worth its cost.",
            Query(f'judged_trust_baseline_statistic{{{ONE}, window="$window", baseline="control/length"}}'),
        ),
        number(
            "Word overlap",
            "The agreement of the baseline word overlap with humans on the same items.",
            Query(f'judged_trust_baseline_statistic{{{ONE}, window="$window", baseline="control/overlap"}}'),
        ),
        number(
            "Second person",
            "The agreement of a second human on the same items: no judge can be expected to do much better. None if no "
            "item has two annotators.",
            Query(f"judged_trust_person_statistic{SERIES}"),
        ),
        number(
            "Pairs",
            "Human labels with a judgment of the same content, in the window. Below 30 (red) no statistic means much.",
            Query(f"judged_agreement_pairs{SERIES}"),
            PAIRS,
            decimals=0,
            span=6,
        ),
        number(
            "More labels",
            "About how many further items to label for a verdict, or for the next better one.",
            Query(f"judged_trust_more_labels{SERIES}"),
            decimals=0,
            span=6,
        ),
        number(
            "Judge's mean",
            "The mean score of everything it judged. Compare it with the corrected mean.",
            Query(f"judged_judge_mean{SERIES}"),
            span=6,
        ),
        number(
            "Corrected mean",
            "The mean that humans would give, estimated from random labels (PPI++). If the judge's mean is far from "
            "it, the judge is too lenient or too strict.",
            Query(f"judged_corrected_mean{SERIES}"),
            span=6,
        ),
    ):
        made.with_panel(each)
    made.with_panel(_agreement_over_time()).with_panel(_statistics())
    made.with_panel(_means())
    made.with_panel(
        bars(
            "Scores given",
            "The number of times each score was given in the dashboard's time range. A single long bar means a judge "
            "that does not discriminate, or texts that are all alike.",
            Query(f"sum by (score) (increase(judged_score_total{{{JUDGE}}}[$__range]))", "{{score}}"),
            span=12,
        )
    )


def _agreement_over_time() -> Panel:
    return chart(
        "$statistic over time, with its 95% interval",
        "The band is the 95% interval. Dashed: the human ceiling. Bands that do not overlap also occur by chance: see "
        "the evidence of a fall below. If all of the band is below 0.2, the judge is hardly better than chance.",
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
        "but needs another threshold. If gwet_ac1 is far above cohen_kappa, nearly all items have the same value.",
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
        "Corrected by human labels (PPI++), with its 95% interval: the mean if humans had labelled everything. Outside "
        "the band, the judge's own mean is misleading.",
        Query(f"judged_judge_mean{SERIES}", "judge"),
        Query(f"judged_corrected_mean{SERIES}", "corrected"),
        Query(f"judged_corrected_mean_lower{SERIES}", "lower"),
        Query(f"judged_corrected_mean_upper{SERIES}", "upper"),
        band=True,
        span=12,
    )
