"""What a judge's dashboard shows beside its agreement: changes, biases, its panel, and whether labels suffice."""

from grafana_foundation_sdk.builders import dashboard

from deploy.grafana.panels import GREEN, GREY, ORANGE, RED, Levels, Query, chart, rows

# The series that the dashboard's variables choose.
JUDGE = 'judge="$judge", version="$version"'
ON = f'{JUDGE}, criterion="$criterion"'
ONE = f'{ON}, model="$model"'
SERIES = f'{{{ONE}, window="$window"}}'
CRITERION = '{criterion="$criterion", window="$window"}'
PAIRS: Levels = [(None, RED), (30, ORANGE), (60, GREEN)]


def change(made: dashboard.Dashboard) -> None:
    """Its scores and its agreement against the time before."""
    made.with_row(dashboard.Row("Does it change?"))
    every = f'{{{ONE}, window=~"24h|7d|30d"}}'
    for panel in (
        chart(
            "Shift of the mean score",
            "In standard errors, against the time before the window; needs no label. Beyond 3.3 it is sure, and it "
            "matters from a tenth of the scale on.",
            Query(f"judged_score_shift_z{every}", "{{window}}"),
            levels=[(None, "transparent"), (3.3, RED)],
        ),
        chart(
            "Shift of the mean score, as a share of the scale",
            "How large the shift is: 0.1 is a tenth of the way from the lowest to the highest score.",
            Query(f"judged_score_shift_ratio{every}", "{{window}}"),
            unit="percentunit",
            levels=[(None, "transparent"), (0.1, RED)],
        ),
        chart(
            "Shift of the distribution",
            "The population stability index over what chance alone stays below 99 times in 100: above 1 the scores are "
            "distributed otherwise than before, at any number of scores.",
            Query(f"judged_score_psi_ratio{every}", "{{window}}"),
            least=0,
            levels=[(None, "transparent"), (1, RED)],
        ),
        chart(
            "Fall of the agreement",
            "A cumulative sum that rises with disagreements beyond the usual; needs labels. From 7 on, exact "
            "agreement has most likely fallen by 15 points.",
            Query(f"judged_agreement_cusum{every}", "{{window}}"),
            least=0,
            levels=[(None, "transparent"), (7, RED)],
            span=12,
        ),
        chart(
            "Agreement in short and long windows",
            "Short windows below long ones: the agreement is falling. Compare with the intervals above before acting.",
            Query(f'judged_agreement_${{statistic}}{{{ONE}, window=~"24h|7d|30d|all"}}', "{{window}}"),
            span=12,
        ),
    ):
        made.with_panel(panel)


def sway(made: dashboard.Dashboard) -> None:
    """By place, chance and length."""
    made.with_row(dashboard.Row("Is it swayed by what should not matter?"))
    for panel in (
        chart(
            "Position consistency",
            "Of pairs judged in both orders, the share with the same verdict: what is missing was decided by the "
            "order. Pairwise judges alone.",
            Query(f"judged_position_consistency_ratio{SERIES}", "consistent"),
            unit="percentunit",
            least=0,
            most=1,
        ),
        chart(
            "Repeat consistency",
            "Of texts judged again, the share with the same answer: no agreement with people can be much higher.",
            Query(f"judged_repeat_consistency_ratio{SERIES}", "consistent"),
            unit="percentunit",
            least=0,
            most=1,
        ),
        chart(
            "Score and length",
            "Rank correlation of the score and the length of the text. Longer texts may be better; a judge that goes "
            "by length alone is near that of control/length.",
            Query(f"judged_length_correlation{SERIES}", "correlation"),
            least=-1,
            most=1,
        ),
    ):
        made.with_panel(panel)


def panel(made: dashboard.Dashboard) -> None:
    """Its models against each other, without labels."""
    made.with_row(dashboard.Row("Do the models of its panel agree?"))
    made.with_panel(
        chart(
            "Krippendorff's alpha over all models",
            "Needs no label. Falling: one model changed, or the texts did. Near 0: the models do not judge the same "
            "thing.",
            Query(f'judged_panel_alpha{{{ON}, window=~"24h|7d|30d|all"}}', "{{window}}"),
            span=12,
            least=0,
            most=1,
        )
    )

    def of(metric: str) -> Query:
        return Query(f'max by (model, other) (judged_panel_agreement_{metric}{{{ON}, window="$window"}})')

    made.with_panel(
        rows(
            "Each two models ($statistic, $window)",
            "The model that agrees least with the others is the one to look at. bias is `model` minus `other`.",
            {"pairs": of("pairs"), "value": of("${statistic}")},
            by=["model", "other"],
            levels={"pairs": PAIRS},
            span=12,
        )
    )


def labels(made: dashboard.Dashboard) -> None:
    """Whether people label enough."""
    made.with_row(dashboard.Row("Are there labels enough?"))
    for panel in (
        chart(
            "Labels a day",
            "Labels stored or changed, by criterion, at the present rate.",
            Query("sum by (criterion) (rate(judged_labels_total[$__rate_interval])) * 86400", "{{criterion}}"),
            least=0,
        ),
        chart(
            "Pairs by window",
            "What statistics are made of. Below 30 they mean little, from 60 on alerts look at them.",
            Query(f'judged_agreement_pairs{{{ONE}, window=~"24h|7d|30d|all"}}', "{{window}}"),
            least=0,
            levels=[(None, "transparent"), (30, ORANGE), (60, GREY)],
        ),
        chart(
            "Waiting for a label",
            "Judged items without one, by criterion. GET /v1/labels/queue says which to label next.",
            Query("max by (criterion) (judged_label_queue_items)", "{{criterion}}"),
            least=0,
        ),
    ):
        made.with_panel(panel)
