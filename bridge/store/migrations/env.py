"""Alembic's entry: runs the revisions on the connection that `bridge.store.schema` hands over."""

from __future__ import annotations

from alembic import context

from bridge.store.schema import OPTIONS

context.configure(connection=context.config.attributes["connection"], **OPTIONS)
with context.begin_transaction():
    context.run_migrations()
