"""Who is in a room is relayed by the one who brought them in (CB16, CB17)."""

from carnet.collaboration.presence import CLIENTS_LIMIT, GONE, PresenceTable
from carnet.collaboration.protocol import Presence


def test_cb17_what_is_new_is_told_and_what_is_not_is_not() -> None:
    table = PresenceTable()

    assert table.take("a", [Presence(1, 1, '"x"')]) == [Presence(1, 1, '"x"')]
    assert table.take("a", [Presence(1, 1, '"x"')]) == []
    assert table.take("a", [Presence(1, 0, '"old"')]) == []
    assert table.take("b", [Presence(1, 1, '"echo"'), Presence(1, 1, GONE)]) == []
    assert table.everybody() == [Presence(1, 1, '"x"')]


def test_cb17_a_client_that_comes_on_another_connection_speaks_there() -> None:
    table = PresenceTable()
    table.take("old", [Presence(1, 1, '"x"')])

    assert table.take("new", [Presence(1, 2, '"y"')]) == [Presence(1, 2, '"y"')]
    assert table.leave("old") == []
    assert table.leave("new") == [Presence(1, 3, GONE)]
    assert table.everybody() == []


def test_cb17_a_client_ends_itself_with_the_number_it_had() -> None:
    table = PresenceTable()
    table.take("a", [Presence(1, 5, '"x"')])

    assert table.take("a", [Presence(1, 5, GONE)]) == [Presence(1, 5, GONE)]
    assert table.take("a", [Presence(2, 5, GONE)]) == []
    assert table.leave("a") == []


def test_cb17_nobody_ends_another_ones_client() -> None:
    table = PresenceTable()
    table.take("a", [Presence(1, 5, '"x"')])

    assert table.take("b", [Presence(1, 9, GONE)]) == []
    assert table.everybody() == [Presence(1, 5, '"x"')]


def test_cb16_one_connection_speaks_for_so_many() -> None:
    table = PresenceTable()

    told = table.take("a", [Presence(client, 1, "{}") for client in range(CLIENTS_LIMIT + 3)])

    assert len(told) == len(table.everybody()) == CLIENTS_LIMIT
