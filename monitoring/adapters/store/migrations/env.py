"""Alembic's entry: migrations run on the connection that the store hands in, inside its transaction."""

from alembic import context

from monitoring.adapters.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
