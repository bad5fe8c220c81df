"""What boards exist, what fits on them, and what this machine is."""

from devices.catalogue import Device, DevicesError, Region, UnknownBoardError, boards, find
from devices.needs import Estimate, Fault, Needs, Planned, estimate, fit

__all__ = [
    "Device",
    "DevicesError",
    "Estimate",
    "Fault",
    "Needs",
    "Planned",
    "Region",
    "UnknownBoardError",
    "boards",
    "estimate",
    "find",
    "fit",
]
