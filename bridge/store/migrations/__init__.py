"""The history of the tables, one revision a file under ``versions/``.

`bridge.store.schema` runs it; there is no ``alembic.ini``.
"""
