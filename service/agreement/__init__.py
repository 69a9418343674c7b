"""How well a judge agrees with humans: counters, tables, statistics, intervals, estimates, biases and drift.

Other features import from this package only the names below.
"""

from service.agreement.coding import Coding, OffScaleError, Said, scale_of
from service.agreement.counters import read_agreed
from service.agreement.reports import HumanCeiling, agreement, human_ceiling

__all__ = [
    "Coding",
    "HumanCeiling",
    "OffScaleError",
    "Said",
    "agreement",
    "human_ceiling",
    "read_agreed",
    "scale_of",
]
