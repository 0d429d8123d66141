"""Files of notices, and what agreement and notices tell together, as it was written."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitoring.agreement.checking import AgreementInvalid
from monitoring.agreement.documents import plain, plain_document
from monitoring.agreement.inlining import inline
from monitoring.agreement.notices import SECTIONS, canonical

if TYPE_CHECKING:
    from monitoring.agreement.agreement import Agreement


def read_notices(path: Path) -> dict[str, Any]:
    """The notices of a YAML or JSON file in their canonical form. Raises `AgreementInvalid` naming file and key."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = f"cannot be read ({error}); give a UTF-8 YAML or JSON file"
        raise AgreementInvalid(str(path), "file", what) from None
    document = plain_document(text, str(path))
    inline(document, str(path), path.parent)
    return canonical(plain(document), str(path))


def in_force(agreement: "Agreement", given: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """By section every entry that was not replaced or withdrawn since, of any date, as it was written."""
    told: dict[str, list[Any]] = {section: [] for section in SECTIONS}
    for content in (agreement.content, *given):
        withdrawn = set(content.get("withdrawn", ()))
        for section, entries in told.items():
            new = list(content.get(section) or ())
            gone = withdrawn | {entry["id"] for entry in new}
            told[section] = [entry for entry in entries if entry["id"] not in gone] + new
    return told
