"""How well a judge agrees with humans: labels, counters, tables, statistics, intervals, estimates, biases and drift.

Other features import from this package only the names below.
"""

from service.agreement.admission import admit_judge, admit_judges
from service.agreement.coding import CodedValue, CodedValues, Coding, OffScaleError, in_columns, scale_of
from service.agreement.contributions import CodedItem, CodedLabel, CodedScore, contribution, total
from service.agreement.label_columns import LabelColumns
from service.agreement.labelled_texts import LabelledContent, labelled_contents
from service.agreement.recording import Finished, record_judgments
from service.agreement.reports import HumanCeiling, agreement, human_ceiling

__all__ = [
    "CodedItem",
    "CodedLabel",
    "CodedScore",
    "CodedValue",
    "CodedValues",
    "Coding",
    "Finished",
    "HumanCeiling",
    "LabelColumns",
    "LabelledContent",
    "OffScaleError",
    "admit_judge",
    "admit_judges",
    "agreement",
    "contribution",
    "human_ceiling",
    "in_columns",
    "labelled_contents",
    "record_judgments",
    "scale_of",
    "total",
]
