"""Event rows for tests of the command line, and files of them."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

NOW = "2026-08-22T12:00:00Z"


def shot(number: int = 1, **changes: Any) -> dict[str, Any]:
    """An explosion near the line of the test home."""
    row = {
        "id": f"x-{number}",
        "sensor_id": "GS-017",
        "time": f"2026-08-22T{8 + number // 60 % 4:02d}:{number % 60:02d}:00Z",
        "kind": "explosion",
        "lon": 37.2512,
        "lat": 48.3017,
        "sigma_m": 50.0,
    }
    return {**row, **changes}


def fixes(
    offsets_deg: Iterable[float], *, track: str = "t-1", sensor: str = "TOWER-1"
) -> list[dict[str, Any]]:
    """Fixes of a track, one a minute from 09:00, at `offsets_deg` of longitude from the line's middle."""
    return [
        {
            "id": f"{track}-{i}",
            "sensor_id": sensor,
            "time": f"2026-08-22T09:{i:02d}:00Z",
            "kind": "track",
            "track_id": track,
            "lon": 37.15 + offset,
            "lat": 48.5017,
            "sigma_m": 5.0,
            "object_class": "tank",
            "affiliation": "B",
        }
        for i, offset in enumerate(offsets_deg)
    ]


def ndjson(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The rows as NDJSON."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def written(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """An NDJSON file of the rows."""
    path.write_bytes(ndjson(rows))
    return path
