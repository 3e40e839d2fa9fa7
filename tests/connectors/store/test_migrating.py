"""A store is made from nothing, opened again and again, and never made out of something else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, Text, text
from store_builders import entry, folded, message

from connectors.store import (
    ForeignDatabase,
    LedgerStore,
    NewerDatabase,
    StoreError,
    migrating,
    open_store,
    tables,
)
from connectors.store.session import backend_of


def engine_of(url: str) -> Engine:
    return backend_of(url).engine(url)


def execute(url: str, statement: str) -> None:
    engine = engine_of(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_the_newest_migration_is_the_version_the_code_names() -> None:
    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(Path(migrating.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == migrating.HEAD


def test_migrations_lead_to_the_tables_the_code_names(store: LedgerStore, store_url: str) -> None:
    engine = engine_of(store_url)
    with engine.connect() as connection:
        options = {"version_table": migrating.VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, tables.metadata) == []
    engine.dispose()


def test_migrating_an_up_to_date_store_changes_nothing(store: LedgerStore) -> None:
    store.commit([folded([message("evt_1")], [entry("a")])])
    before = b"".join(store.canonical_dump())
    assert store.migrate() == migrating.HEAD
    assert b"".join(store.canonical_dump()) == before


def test_an_empty_database_is_migrated_from_nothing(store_url: str) -> None:
    with LedgerStore(store_url) as store:
        assert store.migrate() is None
        assert store.trial_balance() == []


def test_a_store_opens_again_without_permission_to_create(store_url: str) -> None:
    with pytest.raises(StoreError):
        open_store(store_url, create=False)
    with open_store(store_url) as store:
        store.commit([folded([message("evt_1")])])
    with open_store(store_url, create=False) as again:
        assert again.conservation(0).total == 1


def test_a_store_of_a_newer_program_is_refused_untouched(store_url: str) -> None:
    open_store(store_url).close()
    execute(store_url, f"UPDATE {migrating.VERSION_TABLE} SET version_num = '9999'")
    for create in (True, False):
        with pytest.raises(NewerDatabase, match="9999"):
            open_store(store_url, create=create)
    with pytest.raises(NewerDatabase):
        LedgerStore(store_url).migrate()


def test_a_database_of_something_else_is_refused_untouched(store_url: str) -> None:
    execute(store_url, "CREATE TABLE alembic_version (version_num text)")
    for create in (True, False):
        with pytest.raises(ForeignDatabase):
            open_store(store_url, create=create)
    execute(store_url, "DROP TABLE alembic_version")
    open_store(store_url).close()


def test_two_processes_may_make_the_same_store_at_once(store_url: str) -> None:
    def make(_: int) -> bytes:
        with open_store(store_url) as store:
            return b"".join(store.canonical_dump())

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(make, range(4))) == [b""] * 4


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("not a database, but longer than a header of one\n" * 50)
    with pytest.raises(StoreError, match="not a database"):
        open_store(f"sqlite:///{tmp_path}/notes.db")
    assert (tmp_path / "notes.db").read_text().startswith("not a database")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("sqlite:////no/such/folder/books.db", "no folder /no/such/folder"),
        ("mysql://localhost/books", "no ledger store at 'mysql'"),
        ("books.db", "use sqlite:///books.db"),
        ("postgresql://nobody@/books?host=/no/such/folder", "cannot open"),
    ],
)
def test_an_unusable_url_is_refused_with_the_way_out(url: str, says: str) -> None:
    with pytest.raises(StoreError, match=says):
        open_store(url)


def test_a_password_is_not_repeated_in_an_error() -> None:
    with pytest.raises(StoreError) as refusal:
        open_store("postgresql://books:s3cret@/books?host=/no/such/folder")
    assert "s3cret" not in str(refusal.value)


def test_a_missing_file_is_not_made_without_permission(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store at"):
        open_store(f"sqlite:///{tmp_path}/books.db", create=False)
    assert list(tmp_path.iterdir()) == []


def test_every_text_column_sorts_by_bytes_on_postgresql(
    new_postgres_url: Callable[[str], str],
) -> None:
    url = new_postgres_url("")
    open_store(url).close()
    engine = engine_of(url)
    with engine.connect() as connection:
        query = text(
            "SELECT collation_name, count(*) FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND data_type = 'text' GROUP BY 1"
        )
        found = dict(connection.execute(query).tuples().all())
    engine.dispose()
    text_columns = [
        column
        for table in tables.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Text)
    ]
    assert found == {"C": len(text_columns)}
