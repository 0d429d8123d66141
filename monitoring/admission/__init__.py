"""Admission: which well formed rows count for the mission, and the receipt that says so.

Pure: the registry, the area, the clocks and the ids seen before are handed in.
"""

from monitoring.admission.admit import Admission, admit
from monitoring.admission.receipt import Receipt, RefusedRow
from monitoring.admission.registry import Registry, Sensor
from monitoring.admission.seen import MemorySeenIds, SeenIds

__all__ = [
    "Admission",
    "MemorySeenIds",
    "Receipt",
    "RefusedRow",
    "Registry",
    "SeenIds",
    "Sensor",
    "admit",
]
