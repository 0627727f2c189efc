"""A route that does not say who may use it keeps the server from starting."""

from typing import cast

import pytest

from carnet.errors import ConfigError
from carnet.security.access import Kind, Who
from carnet.server.handlers.base import Handler
from carnet.server.routes import ROUTES, Route, check


def test_the_table_is_whole_and_every_handler_is_there() -> None:
    check(ROUTES)
    for route in ROUTES:
        handler = route.load()
        assert issubclass(handler, Handler)
        for method in route.methods.split():
            assert callable(getattr(handler, method.lower()))


@pytest.mark.parametrize(
    "route",
    [
        Route("x", "a:B", cast("Who", None), Kind.API, "GET"),
        Route("x", "a:B", cast("Who", "LOGIN"), Kind.API, "GET"),
        Route("x", "a:B", Who.LOGIN, cast("Kind", None), "GET"),
        Route("x", "a:B", Who.LOGIN, Kind.API, ""),
        Route("x", "a:B", Who.LOGIN, Kind.API, "GET BREW"),
    ],
)
def test_ac1_start_up_fails_for_a_route_that_is_silent(route: Route) -> None:
    with pytest.raises(ConfigError):
        check([*ROUTES, route])
