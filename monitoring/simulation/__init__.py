"""A world with known truth: sensors and actors along the line, their events at the door, and what really
happened.

Nothing that detects may import this package, and this package imports nothing that detects.
"""

from monitoring.simulation.encode import (
    ENDINGS,
    csv_bytes,
    csv_header,
    ndjson_bytes,
    write_events,
    write_truth,
)
from monitoring.simulation.run import DEMO_DATE, Run, period, simulate
from monitoring.simulation.scenario import Scenario, ScenarioError
from monitoring.simulation.scenario_file import (
    load_scenario,
    parse_scenario,
    scenario_names,
    scenario_schema,
)
from monitoring.simulation.scenario_keys import keys_text, scenario_keys
from monitoring.simulation.truth import Happening, Truth, TruthInvalid, parse_truth, truth_lines, truth_schema

__all__ = [
    "DEMO_DATE",
    "ENDINGS",
    "Happening",
    "Run",
    "Scenario",
    "ScenarioError",
    "Truth",
    "TruthInvalid",
    "csv_bytes",
    "csv_header",
    "keys_text",
    "load_scenario",
    "ndjson_bytes",
    "parse_scenario",
    "parse_truth",
    "period",
    "scenario_keys",
    "scenario_names",
    "scenario_schema",
    "simulate",
    "truth_lines",
    "truth_schema",
    "write_events",
    "write_truth",
]
