"""Decisions on cases need the standard of proof that the mission's agreement names, also after a restart."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from monitoring.agreement import Agreement
from monitoring.bootstrap import open_home, shipped_mission
from monitoring.cases.decisions import Standards
from monitoring.settings import Settings

STANDARDS = {
    "occurrence": {"standard": "clear_and_convincing", "source": "test"},
    "remedy": {"standard": "beyond_reasonable_doubt", "source": "test"},
}


@pytest.mark.parametrize("state_is_kept", [True, False])
def test_decisions_need_what_the_agreement_asks_for(tmp_path: Path, state_is_kept: bool) -> None:
    shipped = shipped_mission()
    terms = {**json.loads(shipped.agreement.to_json()), "standards": STANDARDS}
    mission = replace(shipped, agreement=Agreement.parse(json.dumps(terms), "terms"))
    settings = Settings(home=tmp_path / "home")
    expected = Standards(
        finding_of_fact="clear_and_convincing",
        remedy="beyond_reasonable_doubt",
        heavy_remedy="beyond_reasonable_doubt",
    )
    with open_home(settings, "test", found=lambda: mission, makes_accounts=False) as opened:
        assert opened.runtime.store.procedure.standards == expected
    if not state_is_kept:
        for path in (tmp_path / "home" / "state").iterdir():
            path.unlink()
    with open_home(settings, "test", found=lambda: mission, makes_accounts=False) as opened:
        assert opened.runtime.store.procedure.standards == expected
