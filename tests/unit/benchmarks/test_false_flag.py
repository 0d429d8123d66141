"""Variants of the false flag: each seed its own, none beyond what the scenario lets groups do."""

from monitoring.simulation import load_scenario
from tests.benchmarks.false_flag import FROM_BEYOND, STAGED, page, pooled, variant


def test_a_seed_is_one_variant_and_another_seed_another() -> None:
    assert variant(3) == variant(3)
    assert variant(3) != variant(4)


def test_staging_groups_stay_where_the_scenario_lets_them_and_stage_at_least_as_much() -> None:
    base = {fire.name: fire for fire in load_scenario("false-flag").fires}
    for seed in range(1, 20):
        for fire in variant(seed).fires:
            before = base[fire.name]
            if fire.name in STAGED:
                assert fire.per_day_100km >= before.per_day_100km
            if fire.name in FROM_BEYOND:
                assert before.offset_km[0] <= fire.offset_km[0] <= fire.offset_km[1] <= before.offset_km[1]
            else:
                assert fire.offset_km == before.offset_km


def test_variants_are_counted_together_and_once_each() -> None:
    counts = {"wrong_side": [1, 10], "determined": [4, 4], "right": [4, 4], "named": [5, 5]}
    none = counts | {"wrong_side": [0, 10]}
    scored = [{"seed": n, "counts": {"ours": none, "naive": counts}} for n in range(4)]
    shares = pooled(scored)
    assert (shares["ours"]["wrong_side"].part, shares["naive"]["wrong_side"].whole) == (0, 40)
    assert shares["naive"]["variants"].value == 1.0
    assert "| ours | 40 | 0 [0, 9] |" in page(shares, {})
