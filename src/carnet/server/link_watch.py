"""End links whose login or token has ended meanwhile: signed out elsewhere, revoked by a command, or too old.

And those over plain HTTP whose page has gone without a word (HL9).

What ends in this process is told at once (`server.signing_in`); this looks once
a second for what another process ended, as `carnet token revoke`. Rule AC20:
docs/specs/access.md.
"""

import asyncio
from typing import Final

from carnet.server.services import Services

EVERY_S: Final = 1.0
SILENT_S: Final = 90.0
"""Browsers let hidden tabs act once a minute."""
LEFT_S: Final = 20.0
"""A page whose reading was cut reads on at once, if it is there."""
REVOKED: Final = "The token that this link was opened with is not valid any more."


async def watch_links(services: Services) -> None:
    """Look until cancelled."""
    while True:
        await asyncio.sleep(EVERY_S)
        end_dead_links(services)
        end_silent_carriers(services)


def end_dead_links(services: Services) -> None:
    """Look once. Costs one query for each login and token that has a link open."""
    alive: dict[tuple[str | None, str], bool] = {}
    for link in tuple(services.links):
        key = (link.login_id, link.token_id)
        if key not in alive:
            alive[key] = _is_alive(services, *key)
        if not alive[key]:
            link.say_goodbye(_why(services, *key), retry_ms=-1)
    for request in tuple(services.requests):
        login = request.identity.login
        key = (login.login_id if login else None, request.identity.token_id)
        if key not in alive:
            alive[key] = _is_alive(services, *key)
        if not alive[key]:
            request.cut_off()  # a download, or a run that is followed, may take for ever


def end_silent_carriers(services: Services) -> None:
    """Look once."""
    now_s = services.clock.monotonic_s()
    for carrier in tuple(services.carriers.values()):
        if now_s - carrier.heard_s > SILENT_S:
            carrier.end()


def _is_alive(services: Services, login_id: str | None, token_id: str) -> bool:
    if token_id:
        return services.security.tokens.is_alive(token_id)
    # Neither: the server's own token, or a server that asks for nothing.
    return login_id is None or services.gate.logins.is_alive(login_id)


def _why(services: Services, login_id: str | None, token_id: str) -> str:
    return REVOKED if token_id or login_id is None else services.gate.logins.why_ended(login_id)
