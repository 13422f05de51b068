"""Migrations: up, down, no difference to the tables, refusal when behind."""

import pytest
from sqlalchemy import create_engine, inspect, text

from bridge.errors import StoreError
from bridge.store import schema
from bridge.store.engine import make_engine
from bridge.store.schema import SchemaAhead, SchemaBehind


def test_migrated_tables_equal_the_ones_in_the_code(database_url: str) -> None:
    """After upgrading, autogenerate finds nothing left to do."""
    engine = make_engine(database_url)
    schema.upgrade(engine)
    assert schema.differences(engine) == []
    assert schema.current(engine) == schema.head()


def test_a_difference_would_be_seen(database_url: str) -> None:
    """The comparison above can fail: a lost column and a lost table are found."""
    engine = make_engine(database_url)
    schema.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE domains DROP COLUMN stage"))
        connection.execute(text("DROP TABLE limits_rows"))
    found = str(schema.differences(engine))
    assert "stage" in found
    assert "limits_rows" in found


def test_downgrading_to_base_removes_every_table(database_url: str) -> None:
    """Down and up again gives the same tables."""
    engine = make_engine(database_url)
    schema.upgrade(engine)
    schema.downgrade(engine, "base")
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}
    assert schema.current(engine) is None
    schema.upgrade(engine)
    assert schema.differences(engine) == []


def test_tables_of_others_are_left_alone(database_url: str) -> None:
    """The workflow engine may keep its tables in the same database."""
    engine = make_engine(database_url)
    schema.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE workflow_status (id INTEGER PRIMARY KEY)"))
    assert schema.differences(engine) == []


def test_a_database_that_is_behind_is_refused(database_url: str) -> None:
    """An unmigrated database names the command to run."""
    engine = make_engine(database_url)
    with pytest.raises(SchemaBehind, match="planbridge migrate"):
        schema.require_current(engine)
    schema.upgrade(engine)
    schema.require_current(engine)


def test_a_database_from_the_future_is_refused(database_url: str) -> None:
    """A revision that this planbridge does not know is not taken for an old one."""
    engine = make_engine(database_url)
    schema.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaAhead, match="9999"):
        schema.require_current(engine)


def test_an_unreachable_database_is_one_sentence() -> None:
    """No traceback of the driver, and no password."""
    engine = create_engine("postgresql+psycopg://planbridge:hidden@127.0.0.1:1/none")
    with pytest.raises(StoreError, match="cannot be used") as caught:
        schema.current(engine)
    assert "hidden" not in str(caught.value)
