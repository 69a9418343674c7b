"""How well a judge agrees with humans: labels, counters, tables, statistics, intervals, estimates, biases and drift.

Other features import from this package only the names below.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from service.agreement.admission import admit_judge, admit_judges
from service.agreement.coding import CodedValue, Coding, OffScaleError, scale_of
from service.agreement.contributions import CodedItem, CodedLabel, CodedScore, contribution, total
from service.agreement.label_lists import LabelledContent, labelled_contents
from service.agreement.recording import Finished, record_judgments

if TYPE_CHECKING:
    from service.agreement.coded_columns import CodedValues, between_levels, in_columns
    from service.agreement.label_columns import LabelColumns
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
    "between_levels",
    "contribution",
    "human_ceiling",
    "in_columns",
    "labelled_contents",
    "record_judgments",
    "scale_of",
    "total",
]

# They need NumPy, 12 MB of memory. A worker that judges does without it, and with this package's other modules.
_WITH_NUMPY = {
    **dict.fromkeys(("CodedValues", "between_levels", "in_columns"), "coded_columns"),
    "LabelColumns": "label_columns",
    **dict.fromkeys(("HumanCeiling", "agreement", "human_ceiling"), "reports"),
}


def __getattr__(name: str) -> Any:
    """Returns one of the names that are imported when somebody asks for them. Raises AttributeError for others."""
    if name not in _WITH_NUMPY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WITH_NUMPY[name]}"), name)
