"""A small home to copy: a mission's own line of 100 km, a few sensors, no events."""

import json
import math
import shutil
from pathlib import Path

import pytest

from tests.integration.cli.command_line import contactline

AREA = "28,44,42,53"
SENSORS = [
    {"id": "GS-017", "type": "geophone"},
    {"id": "POST-7", "type": "human_report"},
    {"id": "TOWER-1", "type": "eo_ir_tower", "lon": 36.0, "lat": 49.0},
    *({"id": f"ACU-{i}", "type": "acoustic_artillery"} for i in range(1, 6)),
]


def line_through(lon: float, *, label: str = "test line") -> dict[str, object]:
    """A slightly wandering line from south to north at `lon`: side A in the west."""
    vertices = [[lon + 0.01 * math.sin(i), 48.0 + i * 0.01] for i in range(91)]
    geometry = {"type": "LineString", "coordinates": vertices}
    return {"type": "Feature", "properties": {"label": label}, "geometry": geometry}


@pytest.fixture
def line(tmp_path: Path) -> Path:
    """A line at 37.15 as a file of its own."""
    path = tmp_path / "line.geojson"
    path.write_text(json.dumps(line_through(37.15)), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    (folder / "line.geojson").write_text(json.dumps(line_through(37.15)), encoding="utf-8")
    (folder / "sensors.json").write_text(json.dumps(SENSORS), encoding="utf-8")
    home = folder / "home"
    assert contactline(home, "init", "--line", folder / "line.geojson", "--area", AREA).exit_code == 0
    assert contactline(home, "sensors", "import", folder / "sensors.json").exit_code == 0
    (home / "reserve").unlink()  # it is taken again at the next start; copies need not hold it
    return home


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "home"))
