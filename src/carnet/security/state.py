"""All that the server remembers about coming in, in one place: opened once by the server, or by a sub-command.

One connection for all but the logins, which have their own. Quick
(microseconds), for one thread at a time.
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from carnet import database
from carnet.clock import Clock
from carnet.security.accounts import Accounts
from carnet.security.api_tokens import ApiTokens
from carnet.security.attempts import AttemptStore
from carnet.security.audit import Audit
from carnet.security.factors import Factors
from carnet.security.form_keys import form_key
from carnet.security.passkeys import Passkeys


@dataclass(frozen=True)
class SecurityState:
    """The tables of one state folder."""

    accounts: Accounts
    tokens: ApiTokens
    audit: Audit
    attempts: AttemptStore
    factors: Factors
    passkeys: Passkeys
    form_key: bytes
    connection: sqlite3.Connection

    @classmethod
    def open(cls, state_folder: Path, clock: Clock) -> Self:
        """Open them.

        Raises:
            carnet.database.DatabaseDamaged, sqlite3.Error, OSError: they cannot be opened.
        """
        connection = database.connect(state_folder)
        return cls(
            accounts=Accounts(connection, clock),
            tokens=ApiTokens(connection, clock),
            audit=Audit(connection, clock),
            attempts=AttemptStore(connection),
            factors=Factors(connection, clock),
            passkeys=Passkeys(connection, clock),
            form_key=form_key(connection),
            connection=connection,
        )

    def close(self) -> None:
        """Close them; what they hold stays."""
        self.connection.close()
