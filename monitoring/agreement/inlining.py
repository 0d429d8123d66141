"""Geometry that an agreement names by `file:` put into its content, so that its version covers it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from geodata.contact_line import ContactLine
from geodata.errors import LineInvalid
from geodata.line_file import FILE_BYTES_MAX, features_of, load_document, read_line
from monitoring.agreement.checking import AgreementInvalid

_LINE_KEYS: Final = ("geometry", "left_side", "sigma_m")


def inline(content: dict[str, Any], file: str, folder: Path | None) -> None:
    """Replaces `file` by what it holds, in the versions of `reference_lines` and in `zones`; changes `content`.

    A file is looked for beside the agreement, in `folder`; None = the content came from no folder and may name
    no file. Raises `AgreementInvalid`.
    """
    for key, entry, is_line in _naming_a_file(content):
        name = entry["file"]
        if folder is None or not isinstance(name, str):
            raise AgreementInvalid(file, key, "a file can only be named in a file, as text")
        try:
            entry.update(_line(folder / name) if is_line else {"geometry": _polygon(folder / name)})
        except (LineInvalid, OSError) as error:
            raise AgreementInvalid(file, key, str(error)) from None
        del entry["file"]


def _naming_a_file(content: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    lines = content.get("reference_lines")
    for name, line in lines.items() if isinstance(lines, dict) else ():
        versions = line.get("versions") if isinstance(line, dict) else None
        for i, version in enumerate(versions if isinstance(versions, list) else ()):
            if isinstance(version, dict) and "file" in version:
                yield f"reference_lines.{name}.versions[{i}].file", version, True
    zones = content.get("zones")
    for i, zone in enumerate(zones if isinstance(zones, list) else ()):
        if isinstance(zone, dict) and "file" in zone:
            yield f"zones[{i}].file", zone, False


def _line(path: Path) -> dict[str, Any]:
    feature = ContactLine.from_draft(read_line(path)).to_geojson()
    stated = {**feature["properties"], "geometry": feature["geometry"]}
    return json.loads(json.dumps({key: stated[key] for key in _LINE_KEYS}))  # type: ignore[no-any-return]


def _polygon(path: Path) -> dict[str, Any]:
    if path.stat().st_size > FILE_BYTES_MAX:
        raise LineInvalid("size_limit", path.name, f"is larger than {FILE_BYTES_MAX:,} bytes")
    features = features_of(load_document(path.read_bytes(), path.name), path.name)
    if len(features) != 1:
        raise LineInvalid("geometry_type", path.name, f"has {len(features)} features; one zone has one")
    return features[0][0]
