"""What can be wrong with geodata handed in from outside. Every message says what, where and what to do."""


class GeodataError(ValueError):
    """Base of every error that this package raises about its input."""


class LineInvalid(GeodataError):
    """A contact line that cannot be used.

    `reason` is a stable code of file rejection (`line_invalid`, `format`, `encoding`, `empty`, `crs`,
    `size_limit`), `where` names the place (file, feature, vertex, coordinates), `what` says what is wrong and
    what to do about it.

    >>> str(LineInvalid("line_invalid", "line.geojson", "has one point; a line needs two"))
    'line.geojson: has one point; a line needs two'
    """

    def __init__(self, reason: str, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.reason = reason
        self.where = where
        self.what = what


class OutsideArea(GeodataError):
    """A geometry that lies outside the area of operations."""

    reason = "outside_area"


class SectorsInvalid(GeodataError):
    """A sector file that cannot be used: wrong form, ids that repeat, a polygon that is none."""


class AreaInvalid(GeodataError):
    """An area of operations that is not one: bounds the wrong way round, not finite, outside the globe."""
