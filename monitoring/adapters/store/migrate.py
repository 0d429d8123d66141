"""Bringing a database file to the schema of this version, and refusing one that is ahead of it."""

from pathlib import Path
from typing import Final

import sqlalchemy as sa

from monitoring.adapters.store.errors import StoreTooNew

MIGRATIONS: Final = Path(__file__).with_name("migrations")
SCHEMA_HEAD: Final = "v0002"
"""The newest migration; a test holds it equal to what the folder says."""


def migrate(engine: sa.Engine, path: Path) -> None:
    """Apply the migrations that the file does not have yet. Raises StoreTooNew for a newer file."""
    found = schema_of(engine)
    if found == SCHEMA_HEAD:
        return
    # Alembic takes a quarter of a second to import, and nearly every start finds the schema in place.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise StoreTooNew(path, found, SCHEMA_HEAD)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def schema_of(engine: sa.Engine) -> str | None:
    """The migration that the file stands at, None for a file without tables."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        return None if found is None else str(found)
