"""The turns of a credential's requests: one row that every process moves on."""

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Double, cast, extract, func, select
from sqlalchemy.dialects.postgresql import insert

from cs_sync.store.control.tables import BUDGET
from cs_sync.store.engine import Store

KEY = (BUDGET.c.credential, BUDGET.c.window)


class BudgetRows(Struct, frozen=True):
    """The rows of one credential; a turn is one statement, by the database's clock.

    While the database is away they wait as long as the store does, then raise StoreError.
    """

    store: Store
    credential: str

    def take_turn(
        self, window: str, interval: float, tolerance: float, longest: float
    ) -> tuple[bool, float]:
        """Take the next turn of a window, as `SharedTurns` says."""
        now = _read_clock()
        start = func.greatest(BUDGET.c.arrival, now)
        moved = (
            insert(BUDGET)
            .values(credential=self.credential, window=window, arrival=now + interval)
            .on_conflict_do_update(
                index_elements=KEY,
                set_={"arrival": start + interval},
                where=start - now - tolerance <= longest,
            )
            .returning(BUDGET.c.arrival - interval - tolerance - now)
        )
        ahead = select(BUDGET.c.arrival - tolerance - now).where(
            BUDGET.c.credential == self.credential, BUDGET.c.window == window
        )

        def move(connection: Connection) -> tuple[bool, float]:
            wait = connection.scalar(moved)
            if wait is not None:
                return True, max(0.0, wait)
            return False, float(connection.scalars(ahead).one())

        return self.store.transact(move)

    def close_window(self, window: str, seconds: float) -> None:
        """Give no turn of a window for so many seconds."""
        until = _read_clock() + seconds
        closed = (
            insert(BUDGET)
            .values(credential=self.credential, window=window, arrival=until)
            .on_conflict_do_update(
                index_elements=KEY, set_={"arrival": func.greatest(BUDGET.c.arrival, until)}
            )
        )
        self.store.transact(lambda connection: connection.execute(closed))


def _read_clock() -> ColumnElement[float]:
    """Return the database's clock, in seconds since 1970."""
    return cast(extract("epoch", func.clock_timestamp()), Double)
