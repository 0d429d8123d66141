"""Findings and incidents as records for people and machines: times as RFC 3339, details as objects.

Exported lengths are whole millimetres, so that no view differs in a digit that nobody measured.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

_JSON_FIELDS: Final = ("detail", "phenomena")
_DEGREES: Final = ("lon", "lat")


def finding_record(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of FINDINGS (or INCIDENTS) in the contract's form.

    >>> finding_record({"time_start_ns": 1_500_000_000, "distance_m": 1.23456, "detail": "{}"})
    {'time_start': '1970-01-01T00:00:01.500Z', 'distance_m': 1.235, 'detail': {}}
    """
    record: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("_ns"):
            record[name.removesuffix("_ns")] = None if value is None else rfc3339(value)
        elif name in _JSON_FIELDS:
            record[name] = json.loads(value) if isinstance(value, str) else value
        elif name.endswith("_m") and isinstance(value, float):
            record[name] = round(value, 3)
        elif name in _DEGREES and isinstance(value, float):
            record[name] = round(value, 8)
        else:
            record[name] = value
    return record


def rfc3339(time_ns: int) -> str:
    """An instant as RFC 3339 in UTC, with as many digits of the second (0, 3, 6 or 9) as it needs.

    >>> rfc3339(0), rfc3339(1_000_001)
    ('1970-01-01T00:00:00Z', '1970-01-01T00:00:00.001001Z')
    """
    seconds, fraction = divmod(time_ns, 1_000_000_000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    if not fraction:
        return text + "Z"
    digits = f"{fraction:09d}"
    for width in (3, 6):
        if not digits[width:].strip("0"):
            return f"{text}.{digits[:width]}Z"
    return f"{text}.{digits}Z"
