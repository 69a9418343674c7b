"""The scores of a judgment of an anchor, as they are kept apart from the counters of agreement."""

from service.agreement.evidence import evidence_of
from service.agreement.series_names import PANEL, served_together, split_series
from service.contracts.anchors import AnchorScore
from service.contracts.items import Item, content_digest, item_id
from service.contracts.judges import ResolvedJudge
from service.contracts.judgments import Judgment


def anchor_score(judge: ResolvedJudge, judgment: Judgment, item: Item) -> AnchorScore | None:
    """Returns the scores of each model of a judgment, and of its panel; None if there is none."""
    evidence = evidence_of(judge, judgment, item)
    scores = {split_series(series).model: value.key for series, value, _ in evidence.values}
    if not scores:
        return None
    return AnchorScore(
        judgment_id=judgment.id,
        version=judge.ref.version or 0,
        item_id=item_id(item),
        content=content_digest(item),
        scores=scores,
        served={model: served for model in scores if (served := _served(judgment, model))},
    )


def _served(judgment: Judgment, model: str) -> str:
    return served_together(vote.served_model for vote in judgment.votes if model in (PANEL, vote.model))
