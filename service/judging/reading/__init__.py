"""Reading a judge's reply: `read_score` and `read_label`, never a wrong value. Pure, no I/O."""

from service.judging.reading.labels import PAIRWISE_CHOICES, PASS_FAIL_CHOICES
from service.judging.reading.reader import Source, read_label, read_score
from service.judging.reading.verdicts import Reading

__all__ = ["PAIRWISE_CHOICES", "PASS_FAIL_CHOICES", "Reading", "Source", "read_label", "read_score"]
