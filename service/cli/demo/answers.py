"""The demo's data: answers of two versions of an invented shop's support bot, and the labels of two people.

`support_bot.ndjson` has one answer on each line. Some have no labels, for whoever wants to label them.
"""

from pathlib import Path

import msgspec

from service.contracts.items import Item
from service.contracts.labels import NewLabel

DEMO_JUDGE = "helpfulness"  # the criterion of the labels has the same name
DEMO_GROUPS = ("bot-v1", "bot-v2")

_FILE = Path(__file__).with_name("support_bot.ndjson")


class LabelledAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer of the bot with the score that each annotator gave."""

    item: Item
    labels: dict[str, int]


def demo_answers() -> list[LabelledAnswer]:
    """Returns all answers: for each case the one of the old version, then the one of the new version."""
    return msgspec.json.Decoder(LabelledAnswer).decode_lines(_FILE.read_bytes())


def demo_labels() -> list[NewLabel]:
    """Returns the labels of all answers."""
    return [
        NewLabel(item_id=str(each.item.id), criterion=DEMO_JUDGE, annotator=annotator, score=score)
        for each in demo_answers()
        for annotator, score in each.labels.items()
    ]
