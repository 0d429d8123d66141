"""Judging anew: what a moved line would change is shown, published only when ordered, and then stands."""

from pathlib import Path

import pytest

from geodata.contact_line import ContactLine
from geodata.errors import LineInvalid
from monitoring.adapters.processor import Processor
from monitoring.bootstrap import open_home
from monitoring.settings import Settings
from tests.integration.runtime.homes import NOW_NS, a_copy, ingest, opened, simulated_hours

ALWAYS = (-(2**62), 2**62)


def test_a_moved_line_changes_nothing_published_until_it_is_ordered(tmp_path: Path) -> None:
    hours = simulated_hours(tmp_path, hours=0.5)
    with a_copy(hours, tmp_path / "copy") as runtime:
        ingest(runtime, hours.rows)
        before = runtime.store.findings_table().sort_by("finding_id")
        assert runtime.reanalyse("test", *ALWAYS, is_applied=False)["findings"] == []

        assert runtime.mission is not None
        line = runtime.mission.lines.lines[0]
        moved = ContactLine.from_geojson(line.to_geojson()).to_geojson()
        moved["geometry"]["coordinates"] = [
            [lon, lat + 0.03] for lon, lat in moved["geometry"]["coordinates"]
        ]
        runtime.load_line("test", moved, 0)
        would = runtime.reanalyse("test", *ALWAYS, is_applied=False)
        assert would["findings"]
        assert runtime.store.findings_table().sort_by("finding_id").equals(before)

        did = runtime.reanalyse("test", *ALWAYS, is_applied=True)
        assert did["findings"] == would["findings"]
        assert not runtime.store.findings_table().sort_by("finding_id").equals(before)
        assert runtime.reanalyse("test", *ALWAYS, is_applied=False)["findings"] == []
        after = runtime.store.findings_table().sort_by("finding_id")
    with opened(tmp_path / "copy") as runtime:
        assert runtime.store.findings_table().sort_by("finding_id").equals(after)


def test_a_failure_while_an_action_is_replayed_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "home")
    with open_home(settings, "test") as at_work:
        runtime = at_work.runtime
        with runtime.admission:
            runtime.wait_for(runtime.journal.last_seq)
            # Journaled but not processed, as after a kill between the two.
            runtime._enter("action", {"action": "remark", "actor": "x"}, door="http", principal="x")
            runtime._failure = RuntimeError("killed")
    with monkeypatch.context() as broken:
        broken.setattr(Processor, "_action", _fails)
        with pytest.raises(OSError, match="the disk"), open_home(settings, "test"):
            pass
    with opened(settings.home) as runtime:
        assert runtime.processor.processed_seq == runtime.journal.last_seq
        assert [row["action"] for row in runtime.store.audit_page(actor="x").items] == ["remark"]


def _fails(self: Processor, record: object) -> None:
    raise OSError("the disk failed")


def test_an_earlier_version_of_the_line_leaves_later_ones_in_force(tmp_path: Path) -> None:
    with open_home(Settings(home=tmp_path / "home"), "test") as at_work:
        runtime = at_work.runtime
        assert runtime.mission is not None
        line = runtime.mission.lines.lines[0].to_geojson()
        for label, valid_from_ns in (("later", NOW_NS), ("earlier", NOW_NS - 10**15)):
            runtime.load_line(
                "test", {**line, "properties": {**line["properties"], "label": label}}, valid_from_ns
            )
        labels = [version.label for version in runtime.mission.lines.lines]
        assert labels[1:] == ["earlier", "later"]


def test_a_line_with_latitude_and_longitude_exchanged_is_refused_by_that_name(tmp_path: Path) -> None:
    with open_home(Settings(home=tmp_path / "home"), "test") as at_work:
        runtime = at_work.runtime
        assert runtime.mission is not None
        line = runtime.mission.lines.lines[0].to_geojson()
        line["geometry"]["coordinates"] = [place[::-1] for place in line["geometry"]["coordinates"]]
        with pytest.raises(LineInvalid, match="latitude and longitude exchanged"):
            runtime.load_line("test", line, NOW_NS)
        assert len(runtime.mission.lines.lines) == 1
