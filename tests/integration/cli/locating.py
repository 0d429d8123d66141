"""`contactline locate` from tests."""

from pathlib import Path

from tests.integration.cli.command_line import Ran, contactline

ANSWERS = [
    "side", "distance_m", "signed_distance_m", "chainage_m", "line_part", "foot_lon", "foot_lat", "beyond_end",
    "sector", "zones",
]  # fmt: skip


def locate(points: Path, line: Path, out: Path, *more: object) -> Ran:
    """What the command gives; no home is needed."""
    return contactline(points.parent / "no-home", "locate", points, "--line", line, "--out", out, *more)
