"""One list in three formats: JSON, CSV that no spreadsheet mistakes for formulas, and GeoJSON."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal
from urllib.parse import urlencode

from fastapi import Request, Response

from api.presentation import feature

Format = Literal["json", "csv", "geojson"]
CSV_TYPE: Final = "text/csv; charset=utf-8; header=present"
GEOJSON_TYPE: Final = "application/geo+json"
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def wanted(request: Request) -> Format:
    """The format that `Accept` prefers; JSON unless CSV or GeoJSON is named."""
    best: Format = "json"
    best_weight = 0.0
    for part in request.headers.get("accept", "").split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        names: dict[str, Format] = {
            "text/csv": "csv",
            "application/geo+json": "geojson",
            "application/json": "json",
        }
        if media in names and weight > best_weight:
            best, best_weight = names[media], weight
    return best


def rows_response(
    request: Request,
    chosen: Format,
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    next_cursor: str | None,
) -> Response:
    """The rows as CSV or GeoJSON; the next page is in the `Link` header."""
    headers = {"Vary": "Accept"}
    if next_cursor is not None:
        query = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
        target = f"{request.url.path}?{urlencode([*query, ('cursor', next_cursor)])}"
        headers["Link"] = f'<{target}>; rel="next"'
    if chosen == "csv":
        return Response(to_csv(rows, columns), media_type=CSV_TYPE, headers=headers)
    features = [feature(row, {k: v for k, v in row.items() if k not in ("lon", "lat")}) for row in rows]
    content = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
    return Response(content, media_type=GEOJSON_TYPE, headers=headers)


def to_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """The rows as RFC 4180 with a header.

    Text that a spreadsheet would run as a formula gets an apostrophe before it; numbers stay as they are.

    >>> to_csv([{"a": "=1+1", "b": -2, "c": ["x", "y"]}], ["a", "b", "c"])
    "a,b,c\\r\\n'=1+1,-2,x y\\r\\n"
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        value = " ".join(str(item) for item in value)
    elif isinstance(value, dict):
        value = json.dumps(value, sort_keys=True, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return "'" + value
    return value
