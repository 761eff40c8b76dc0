"""What is said of a database that cannot be used."""

from pathlib import Path

import pytest

from cs_sync.contracts.errors import ConfigError, StoreError
from cs_sync.store.engine import open_store

PAGE = 4096


def refusal(file: Path) -> StoreError:
    store = open_store(f"sqlite:///{file}")
    with pytest.raises(StoreError) as caught, store.read() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM note").scalar()
    store.close()
    return caught.value


def test_a_file_of_another_kind_is_named_as_that(tmp_path: Path) -> None:
    file = tmp_path / "letter.db"
    file.write_bytes(b"Dear customer, " * 500)
    with pytest.raises(ConfigError, match="another kind"):
        open_store(f"sqlite:///{file}")
    assert file.read_bytes() == b"Dear customer, " * 500


def test_a_damaged_database_is_told_with_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "damaged.db"
    store = open_store(f"sqlite:///{file}")
    with store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)")
        for number in range(200):
            connection.exec_driver_sql("INSERT INTO note VALUES (?, ?)", (number, "x" * 500))
    store.close()
    whole = file.read_bytes()
    file.write_bytes(whole[:PAGE] + b"\xff" * (len(whole) - PAGE))
    assert "backup" in refusal(file).remedy
