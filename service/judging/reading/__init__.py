"""Reading a judge's reply: `read_score`, `read_label`, `read_ranking`, never a wrong value. Pure, no I/O."""

from service.judging.reading.labels import PAIRWISE_CHOICES, PASS_FAIL_CHOICES
from service.judging.reading.places import Place, place_of
from service.judging.reading.rankings import LETTERS
from service.judging.reading.reader import Source, read_label, read_ranking, read_score
from service.judging.reading.verdicts import ChosenLabel, Order, Ranking, Reading, Score

__all__ = [
    "LETTERS",
    "PAIRWISE_CHOICES",
    "PASS_FAIL_CHOICES",
    "ChosenLabel",
    "Order",
    "Place",
    "Ranking",
    "Reading",
    "Score",
    "Source",
    "place_of",
    "read_label",
    "read_ranking",
    "read_score",
]
