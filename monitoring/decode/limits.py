"""What reading allows before it refuses: one frozen object of settings, handed in and never looked up."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Limits:
    """Bounds on input. Everything here is a setting of the mission; the defaults are the documented ones."""

    line_bytes_max: int = 1 << 20
    """One line or CSV record; a longer one is refused as `too_long` and kept only up to this length."""
    chunk_bytes: int = 4 << 20
    """How much uncompressed input is decoded at a time."""
    expansion_ratio_max: int = 100
    """Uncompressed over compressed size, enforced once `expansion_free_bytes` came out."""
    expansion_free_bytes: int = 32 << 20
    id_chars_max: int = 64
    text_chars_max: int = 2_000
    media_max: int = 16
    unknown_fields_max: int = 256
    depth_max: int = 32
    """Nesting of arrays and objects in one record (only unknown fields can nest at all)."""
    time_least_ns: int = 946_684_800_000_000_000
    """2000-01-01T00:00:00Z: no sensor of the mission observed anything before."""
    skew_s_max: float = 300.0
    """How far ahead of the reference clock an event may be."""
    receipt_rows_max: int = 1_000
    """How many refused rows a receipt names."""


DEFAULT_LIMITS: Final = Limits()
