"""How well a judge agrees with humans: labels, counters, tables, statistics, intervals, estimates, biases and drift.

Other features import from this package only the names below.
"""

from service.agreement.admission import admit_judge, admit_judges
from service.agreement.coding import CodedValue, Coding, OffScaleError, scale_of
from service.agreement.contributions import CodedItem, CodedLabel, CodedScore, contribution, total
from service.agreement.counters import read_agreed
from service.agreement.recording import Finished, record_judgments
from service.agreement.reports import HumanCeiling, agreement, human_ceiling

__all__ = [
    "CodedItem",
    "CodedLabel",
    "CodedScore",
    "CodedValue",
    "Coding",
    "Finished",
    "HumanCeiling",
    "OffScaleError",
    "admit_judge",
    "admit_judges",
    "agreement",
    "contribution",
    "human_ceiling",
    "read_agreed",
    "record_judgments",
    "scale_of",
    "total",
]
