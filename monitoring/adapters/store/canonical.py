"""Canonical JSON: sorted keys, no spaces, UTF-8 as it is, no NaN."""

import json
from typing import Any


def to_json(value: Any) -> str:
    """The one text of a value.

    >>> to_json({"b": 1, "a": ["щ"]})
    '{"a":["щ"],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def from_json(text: str) -> Any:
    """The value of a text that `to_json` wrote."""
    return json.loads(text)
