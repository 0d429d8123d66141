"""Settings of one installation: where the home is, how much is read at once, what the server listens on.

What a finding depends on is never here: belts, thresholds, lateness and cut-off belong to the agreement.
Each setting is read from the environment as `CONTACTLINE_<NAME>` when the program starts.
"""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read once by the composition root and handed down; nothing reads the environment later."""

    model_config = SettingsConfigDict(env_prefix="CONTACTLINE_", extra="ignore", frozen=True)

    home: Path = Field(
        default=Path("contactline-home"), description="folder that holds all state of a mission"
    )
    host: str = Field(default="127.0.0.1", description="address the server listens on")
    port: int = Field(default=8000, ge=1, le=65_535, description="port the server listens on")
    shards: int = Field(default=1, ge=1, le=64, description="parts that each step's keys are divided into")
    line_bytes_max: int = Field(
        default=1 << 20, ge=1_024, description="longest row of an event file, in bytes"
    )
    body_bytes_max: int = Field(default=1 << 28, ge=1_024, description="largest request body, in bytes")
    chunk_bytes: int = Field(default=4 << 20, ge=4_096, description="bytes decoded and journaled at once")
    file_tick_rows: int = Field(
        default=250_000, ge=1, description="rows of one file after which event time moves on while it is read"
    )
    snapshot_rows: int = Field(
        default=500_000, ge=1, description="rows after which the steps' state is saved"
    )
    tick_s: float = Field(default=60.0, gt=0, le=60.0, description="seconds between ticks while serving")
    provisional_s: float = Field(
        default=0.25, gt=0, description="shortest time between two provisional views"
    )
    queue_records_max: int = Field(
        default=64, ge=1, description="journaled records that may wait to be processed"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.line_bytes_max > self.body_bytes_max:
            raise ValueError(
                f"CONTACTLINE_LINE_BYTES_MAX ({self.line_bytes_max}) is larger than CONTACTLINE_BODY_BYTES_MAX "
                f"({self.body_bytes_max}): a row could never arrive. Lower the first or raise the second."
            )
        return self
