"""Faults of a scenario in which nothing goes wrong, for tests that add one of them."""

from typing import Final

from monitoring.simulation.scenario import Faults

NO_FAULTS: Final = Faults(
    missing_frac=0.0,
    duplicate_frac=0.0,
    power_outages_per_day=0.0,
    link_outages_per_day=0.0,
    regional_outages_per_day=0.0,
    resent_frac=0.0,
    jamming_discs=0,
    hour_fault_sensors=0,
    drifting_clock_frac=0.0,
    reboots_per_day=0.0,
    understated_error_frac=0.0,
    overstated_error_frac=0.0,
    biased_frac=0.0,
    heavy_tail_frac=0.0,
    poor_detection_frac=0.0,
    class_wrong_frac=0.0,
    babbling_sensors=0,
)
"""False alarms, which a healthy sensor has too, are as frequent as the catalogue says."""
