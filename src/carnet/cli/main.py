"""The command line: finds the sub-command and lets it do its work.

Sub-commands are named here and imported when they are called. Every failure
that a user can mend is one sentence and exit code 1; a wrong command line is 2.
"""

import gc
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from carnet.errors import CarnetError, ConfigError

#: Sub-command to module (below carnet.cli) and what it does, for `carnet help`.
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "notebook": ("serve", "Serve notebooks. What `carnet` does without a sub-command."),
    "list": ("list_servers", "Show the servers that run."),
    "stop": ("stop", "Stop a server: carnet stop [PORT|all] [--kernels]."),
    "profile": ("profile", "Make and find profiles: carnet profile create NAME."),
    "config": ("config", "Show the settings in force, and where each comes from."),
    "passwd": ("passwd", "Make the hash of a password; --save: set it for this server."),
    "passkey": ("passkey", "List and remove passkeys: carnet passkey remove NAME."),
    "cert": ("cert", "Make a self-signed certificate."),
    "token": ("token", "Make, list and revoke tokens for programs."),
    "audit": ("audit", "Show who came in, and who was refused."),
    "doctor": ("doctor", "Find out why it does not connect: carnet doctor [URL]."),
    "kernelhost": ("kernelhost", "Run a kernel host. The server starts it by itself."),
    "version": ("version", "Print the version."),
    "help": ("help", "Show the sub-commands and options."),
}

DEFAULT: Final = "notebook"

INTERRUPTED: Final = 130
"""What shells say of a program that Ctrl-C ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = given.pop(0) if given and given[0] in COMMANDS else DEFAULT
    if name == DEFAULT and "--version" in given:
        name = "version"
    if name != "help" and {"-h", "--help", "--help-all"} & set(given):
        name, given = "help", [name]
    # Nothing that start-up makes is garbage; looking for some costs a twentieth of it. `serve` switches it on again.
    gc.disable()
    module = importlib.import_module(f"carnet.cli.{COMMANDS[name][0]}")
    if name != DEFAULT:
        gc.enable()
    try:
        _check_first_word(name, given)
        code: int = module.main(given)
    except KeyboardInterrupt:
        print(file=sys.stderr)  # the next prompt of the shell begins a line
        return INTERRUPTED
    except EOFError:
        print("\ncarnet: Nobody answered: the input has ended.", file=sys.stderr)
        return 1
    except CarnetError as error:
        print(f"carnet: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Who read our output has seen enough. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _check_first_word(name: str, given: Sequence[str]) -> None:
    """Refuse `carnet profle create x`: neither a sub-command nor anything to serve.

    Raises:
        ConfigError: a sub-command was surely meant; says which.
    """
    if name != DEFAULT or not given or given[0].startswith("-") or os.path.exists(given[0]):
        return
    from difflib import get_close_matches  # only a mistake needs it

    found = get_close_matches(given[0], COMMANDS, n=1)
    if found:
        raise ConfigError(
            f"There is no sub-command {given[0]}, and no such folder or notebook. Did you mean carnet {found[0]}?"
        )


if __name__ == "__main__":
    sys.exit(main())
