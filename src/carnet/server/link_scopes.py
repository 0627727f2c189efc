"""Which scope each intent, each question and each terminal of the link needs. Rule AC24: docs/specs/access.md. Pure."""

from typing import assert_never

from carnet.core.session import intents
from carnet.core.wire import link
from carnet.security.scopes import Scope, written


def scope_of(wanted: intents.IntentBody | link.Question | link.Attach) -> Scope:
    """Return what a token needs to ask for this."""
    match wanted:
        case intents.Edit() | intents.SaveNow() | intents.TrustNotebook() | intents.DismissNotice():
            return Scope.EDIT
        case (
            intents.RunCells()
            | intents.CancelRuns()
            | intents.ReorderQueue()
            | intents.Interrupt()
            | intents.StartKernel()
            | intents.RestartKernel()
            | intents.ShutdownKernel()
            | intents.AnswerInput()
            | intents.SendComm()
        ):
            return Scope.RUN
        case link.Complete() | link.Inspect() | link.IsComplete():
            # The kernel runs code to answer: a completer may call properties of objects.
            return Scope.RUN
        case link.Attach():
            # Whoever sees a terminal sees what is typed into it, passwords of other machines among it.
            return Scope.RUN
        case _:
            assert_never(wanted)


def forbidden(wanted: intents.IntentBody | link.Question | link.Attach, scopes: frozenset[Scope]) -> str:
    """Return why it may not be, as a sentence; empty: it may."""
    needed = scope_of(wanted)
    return "" if needed in scopes else f"This token may {written(scopes)}; this needs {needed.value}."
