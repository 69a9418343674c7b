"""Follows labels and judgments step by step as plain Python objects, to compare the store with."""

from typing import Any

import msgspec

from service.agreement.coding import Coding, scale_of
from service.agreement.contributions import CodedItem, CodedLabel, CodedScore
from service.agreement.recording import Finished
from service.contracts.judges import Judge
from service.contracts.labels import NewLabel


class FollowedItem:
    """Everything that is known of one item on one criterion."""

    def __init__(self) -> None:
        self.content = ""
        self.labels: dict[str, CodedLabel] = {}
        self.scores: dict[tuple[str, str], CodedScore] = {}

    def judged(self, finished: Finished) -> None:
        evidence, judgment = finished.evidence, finished.judgment
        assert evidence is not None
        self.content = evidence.content
        at_ms = int(judgment.finished_at.timestamp() * 1000)
        if any(vote.outcome in ("scored", "unscored") for vote in judgment.votes):
            self.labels = {
                name: msgspec.structs.replace(label, content=label.content or evidence.content)
                for name, label in self.labels.items()
            }
        alive = {evidence.content, self.content} | {label.content for label in self.labels.values()}
        for series, value, own in evidence.values:
            known = self.scores.get((series, evidence.content))
            if known is not None and known.at_ms > at_ms:
                continue
            self.scores = {
                place: each
                for place, each in self.scores.items()
                if place[0].split(" ")[:2] != series.split(" ")[:2] or place[1] in alive
            }
            self.scores[series, evidence.content] = CodedScore(
                **value._asdict(), at_ms=at_ms, length=evidence.length, own=own
            )

    def labelled(self, given: NewLabel, judge: Judge | None) -> None:
        """`judge` has the criterion's scale, None before there is one."""
        value: dict[str, Any]
        if judge is None:
            key = given.label if given.label is not None else f"{given.score:g}"
            value = {"key": key, "number": given.score, "units": None, "per_cent": None}
        else:
            scale = scale_of(judge)
            assert scale is not None
            value = Coding(scale).by_person(given.score, given.label)._asdict()
        self.labels[given.annotator] = CodedLabel(
            **value,
            selection="r" if given.selection == "random" else "t",
            content=self.content,
            is_score=given.label is None,
        )

    def recoded(self, judge: Judge) -> None:
        """The criterion gets its scale."""
        scale = scale_of(judge)
        assert scale is not None
        for name, label in self.labels.items():
            said = (label.number, None) if label.is_score else (None, label.key)
            value = Coding(scale).by_person(*said)
            self.labels[name] = msgspec.structs.replace(label, **value._asdict())

    @property
    def item(self) -> CodedItem:
        """The item, its labels and scores without times."""
        scores: dict[str, dict[str, CodedScore]] = {}
        for (series, content), score in self.scores.items():
            scores.setdefault(content, {})[series] = score
        return CodedItem(labels=self.labels, scores=scores)
