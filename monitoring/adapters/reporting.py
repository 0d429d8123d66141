"""placeholder until reports land"""

from typing import Any

FORMATS = ("html", "csv", "json")


def periods_with_data(store: Any, agreement: Any) -> list[Any]:
    return []


def render_report(store: Any, mission: Any, on: Any) -> dict[str, bytes]:
    return {}


def write_report(store: Any, mission: Any, on: Any, folder: Any) -> dict[str, Any]:
    return {}
