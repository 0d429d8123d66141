"""Sensors that state their errors wrong by a factor of two, all of them and in one world."""

import numpy as np
import pytest

from geodata.contact_line import packaged_line
from monitoring.simulation import load_scenario, simulate
from tests.benchmarks.declared_errors import PLAIN, VARIANTS, stating


def declared_sigmas(variant):
    scenario = stating(load_scenario("quiet-day"), variant)
    registry = simulate(scenario, packaged_line(), seed=1, hours=0.1).registry
    return [entry["id"] for entry in registry], np.array([entry["sigma_m"] for entry in registry])


@pytest.fixture(scope="module")
def stated():
    return {variant: declared_sigmas(variant) for variant in VARIANTS}


def test_every_sensor_states_half_or_twice_its_error_and_stays_the_same_sensor(stated):
    assert stated["halved"][0] == stated["doubled"][0] == stated[PLAIN][0]
    np.testing.assert_allclose(stated["doubled"][1], 4.0 * stated["halved"][1], rtol=1e-12)


def test_the_plain_run_states_what_the_scenario_says(stated):
    factor = stated[PLAIN][1] / stated["halved"][1]
    assert set(np.round(factor, 6)) <= {1.0, 2.0, 4.0}
    assert np.mean(np.isclose(factor, 2.0)) > 0.8
