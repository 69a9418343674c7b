"""The rows of the trust dashboard below the agreement: changes, biases, the panel and labels."""

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
    """Adds the row on changes of scores and agreement against the reference."""
    made.with_row(dashboard.Row("Does it change?"))
    every = f'{{{ONE}, window=~"24h|7d|30d"}}'
    for panel in (
        chart(
            "Shift of the mean score",
            "In standard errors, against the time before the window; needs no label. Beyond 3.8 it is significant; it "
            "matters if it is at least a tenth of the scale. None with fewer than 100 scores on either side.",
            Query(f"judged_score_shift_z{every}", "{{window}}"),
            levels=[(None, "transparent"), (3.8, RED)],
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
            "The population stability index over its 99% critical value: above 1, the distribution of the scores has "
            "changed, for any number of scores.",
            Query(f"judged_score_psi_ratio{every}", "{{window}}"),
            least=0,
            levels=[(None, "transparent"), (1, RED)],
        ),
        chart(
            "Evidence of a fall of agreement",
            "Rises while there are more disagreements than before; needs 200 earlier labels. 50 is an alarm, which "
            "chance raises about once in a year, however often one looks.",
            Query(f"judged_agreement_fall_evidence{{{ONE}}}", "evidence"),
            least=0,
            levels=[(None, "transparent"), (50, RED)],
        ),
        chart(
            "Evidence that the judge changed",
            "From its anchors: the same items, judged again and again. 100 is an alarm, which chance raises about once "
            "in two years, however often one looks. Needs 60 repeats. None for a judge without anchors.",
            Query(f"judged_anchor_shift_evidence{{{ONE}}}", "evidence"),
            least=0,
            levels=[(None, "transparent"), (100, RED)],
        ),
        chart(
            "Shift of the anchors' scores",
            "In points of the scale, with its 95% interval. If the scores of all items shift and those of the anchors "
            "do not, the judged texts changed, and not the judge.",
            Query(f"judged_anchor_shift_points{{{ONE}}}", "anchors"),
            Query(f"judged_anchor_shift_points_lower{{{ONE}}}", "lower"),
            Query(f"judged_anchor_shift_points_upper{{{ONE}}}", "upper"),
            band=True,
        ),
        chart(
            "Cumulative sum of disagreements",
            "Begins to rise at the time of a fall by about 15 points. Only with 600 earlier labels; raises no alert.",
            Query(f"judged_agreement_cusum{every}", "{{window}}"),
            least=0,
            levels=[(None, "transparent"), (7, ORANGE)],
        ),
        chart(
            "Agreement in short and long windows",
            "If short windows are below long ones, agreement is falling. Compare with the intervals above first.",
            Query(f'judged_agreement_${{statistic}}{{{ONE}, window=~"24h|7d|30d|all"}}', "{{window}}"),
        ),
    ):
        made.with_panel(panel)


def sway(made: dashboard.Dashboard) -> None:
    """Adds the row on the influence of position, chance and length."""
    made.with_row(dashboard.Row("Is it biased?"))
    for panel in (
        chart(
            "Position consistency",
            "The share of pairs with the same verdict in both orders; in the rest, the order decided. Pairwise judges "
            "only.",
            Query(f"judged_position_consistency_ratio{SERIES}", "consistent"),
            unit="percentunit",
            least=0,
            most=1,
        ),
        chart(
            "Repeat consistency",
            "The share of texts judged again with the same answer: agreement with humans can't be much higher.",
            Query(f"judged_repeat_consistency_ratio{SERIES}", "consistent"),
            unit="percentunit",
            least=0,
            most=1,
        ),
        chart(
            "Score and length",
            "Rank correlation of score and text length. Longer texts may be better; a judge that uses length only has "
            "about the same value as control/length.",
            Query(f"judged_length_correlation{SERIES}", "correlation"),
            least=-1,
            most=1,
        ),
    ):
        made.with_panel(panel)


def panel(made: dashboard.Dashboard) -> None:
    """Adds the row on the agreement of the panel's models, which needs no labels."""
    made.with_row(dashboard.Row("Do the models of its panel agree?"))
    made.with_panel(
        chart(
            "Krippendorff's alpha over all models",
            "Needs no label. If it falls, a model or the texts changed. Near 0, the models do not judge the same "
            "property.",
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
            "Pairs of models ($statistic, $window)",
            "Check the model that agrees least with the others first. bias is `model` minus `other`.",
            {"pairs": of("pairs"), "value": of("${statistic}")},
            by=["model", "other"],
            levels={"pairs": PAIRS},
            span=12,
        )
    )


def labels(made: dashboard.Dashboard) -> None:
    """Adds the row on whether there are enough labels."""
    made.with_row(dashboard.Row("Are there enough labels?"))
    for panel in (
        chart(
            "Labels per day",
            "Labels stored or changed, by criterion, at the current rate.",
            Query("sum by (criterion) (rate(judged_labels_total[$__rate_interval])) * 86400", "{{criterion}}"),
            least=0,
        ),
        chart(
            "Pairs by window",
            "The number of pairs behind the statistics: below 30 they mean little; alerts need 60 in 30 days.",
            Query(f'judged_agreement_pairs{{{ONE}, window=~"24h|7d|30d|all"}}', "{{window}}"),
            least=0,
            levels=[(None, "transparent"), (30, ORANGE), (60, GREY)],
        ),
        chart(
            "Items without a label",
            "Judged items without a label, by criterion. GET /v1/labels/queue lists the next ones to label.",
            Query("max by (criterion) (judged_label_queue_items)", "{{criterion}}"),
            least=0,
        ),
    ):
        made.with_panel(panel)
