"""What alembic runs: the revisions, on the connection and in the transaction it is given."""

from alembic import context

from pdp.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
    compare_type=True,
)
context.run_migrations()
