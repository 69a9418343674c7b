"""The verdicts on judges, and the statistics, flags, selections and baselines of reports, in a few words."""

from collections.abc import Mapping

VERDICT_WORDS = {
    "as_good_as_people": "as good as people",
    "better_than_baselines": "better than the baselines",
    "not_better_than_baselines": "not better than the baselines",
    "not_better_than_chance": "not better than chance",
    "too_few_labels": "too few labels to tell",
}
VERDICT_MEANINGS = {
    "as_good_as_people": "Its scores are worth about as much as those of another person.",
    "better_than_baselines": "Its scores tell better texts from worse ones, more than length or words in common would.",
    "not_better_than_baselines": "Its scores tell little more than counting characters or words: do not pay for it.",
    "not_better_than_chance": "Do not use its scores: guessing would agree with people about as well.",
    "too_few_labels": "Do not rely on its scores yet: more of people's labels are needed.",
}
NO_VERDICT = "a baseline, no judge"
NO_VERDICT_MEANING = "It only counts: the least that a judge must beat."
STATISTIC_MEANINGS = {
    "exact": "share of equal values",
    "within_one": "share at most one step apart",
    "mae": "mean distance, in points",
    "bias": "mean of judge minus people, in points",
    "rmse": "typical distance, in points; large ones count more",
    "pearson": "linear correlation; 0 is chance",
    "spearman": "correlation of the ranks; 0 is chance",
    "kendall_tau_b": "same order of two items, ties allowed for; 0 is chance",
    "kendall_tau_c": "same order of two items, for unequal scales; 0 is chance",
    "somers_d": "same order of two items that people tell apart; 0 is chance",
    "cohen_kappa": "equal values beyond chance; 0 is chance",
    "cohen_kappa_linear": "beyond chance; distances count",
    "cohen_kappa_quadratic": "beyond chance; far distances count most",
    "krippendorff_alpha_nominal": "equal values beyond chance; 0 is chance",
    "krippendorff_alpha_ordinal": "near ranks beyond chance; 0 is chance",
    "krippendorff_alpha_interval": "near values beyond chance; 0 is chance",
    "gwet_ac1": "equal values beyond chance; steady if one value is frequent",
    "gwet_ac2": "near values beyond chance; steady if one value is frequent",
    "lin_ccc": "correlation, less differences of mean and spread",
    "sensitivity": "share of people's passes that it passed",
    "specificity": "share of people's fails that it failed",
    "precision": "share of its passes that people passed",
    "npv": "share of its fails that people failed",
    "f1": "precision and sensitivity in one",
    "balanced_accuracy": "mean of sensitivity and specificity; 0.5 is chance",
    "mcc": "correlation of two classes; 0 is chance",
    "auc": "chance that a passed item has the higher score; 0.5 is a guess",
}
FLAG_WORDS = {
    "insufficient": "fewer than 30 labelled pairs: too few to tell much",
    "judge_constant": "the judge gives every item the same value",
    "low_prevalence": (
        "nine labels in ten are the same: kappas are low however often both agree; look at exact and gwet_ac1"
    ),
    "degenerate": "one side never varies: correlations and kappas carry no information",
    "too_few_of_a_class": "people or the judge have fewer than five values beside the usual one: intervals are rough",
    "labels_off_scale": "some labels are not on the criterion's scale, and are not counted",
    "served_model_changed": "the provider ran another model under this name in this time",
    "not_better_than_chance": "not better than chance",
}
SELECTION_WORDS = {
    "random": "items drawn at random",
    "targeted": "items picked by somebody or drawn by doubt",
    "weighted": "all drawn items by their inclusion probability",
    "all": "all labelled items",
}
UNDEFINED_WORDS = {
    "no_pairs": "no item has both values",
    "one_pair": "one pair alone",
    "human_constant": "people gave one value alone",
    "judge_constant": "the judge gave one value alone",
    "both_constant": "all values are equal",
    "no_positives": "people passed none",
    "no_negatives": "people failed none",
    "no_judged_positives": "the judge passed none",
    "no_judged_negatives": "the judge failed none",
    "not_for_words": "not defined for words",
    "not_binary": "for pass and fail alone",
    "fractional": "not defined for scores between the values",
    "one_item": "one item alone",
    "few_pairs": "too few pairs",
    "no_step": "the scale has no steps",
    "error_constant": "its error is the same on all items",
    "length_constant": "all texts are about as long",
    "no_own_texts": "no labelled text is by its own family of models",
    "different_scales": "its values are others than the labels'",
    "no_other_texts": "all labelled texts are by its own family of models",
}


def undefined_words(reason: str) -> str:
    """Returns why a figure is null, in words."""
    return UNDEFINED_WORDS.get(reason, reason.replace("_", " "))


def deciding_statistic(names: Mapping[str, object]) -> str:
    """Returns the name, of these statistics, of the one that tells a judge from chance: by ranks, or of labels."""
    return "spearman" if "spearman" in names else "cohen_kappa"
