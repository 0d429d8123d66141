"""Line files for commands that only compute: also one that meets itself will do, with a word about it."""

from pathlib import Path
from typing import Final

from api.cli.output import note
from geodata.contact_line import ContactLine
from geodata.errors import LineInvalid
from geodata.line_file import read_line

LINE_FORM: Final = "GeoJSON or GeoPackage with one LineString, walked so that side A is on the left"


def line_of(path: Path) -> ContactLine:
    """The line of a file. Where it meets itself a side is that of the nearest edge, which is told. Raises
    LineInvalid."""
    draft = read_line(path)
    try:
        return ContactLine.from_draft(draft)
    except LineInvalid as error:
        taken = ContactLine.from_draft(draft, allow_self_contacts=True)
        note(f"{error}; taken all the same: near there a side is that of the nearest edge")
        return taken
