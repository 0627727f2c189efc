"""`carnet profile create NAME`, `list`, `locate [NAME]`: folders of configuration, shared with IPython."""

import os
from collections.abc import Iterator, Sequence
from typing import Final

from carnet.config.folders import ipython_folder
from carnet.config.generate import KERNELS, SERVER, Row, Section, config_file
from carnet.config.profiles import FILE, create_profile, profile_folder, profiles
from carnet.errors import ConfigError
from carnet.server.managers import BASE, OURS

USAGE: Final = "carnet profile create NAME [--reset], carnet profile list, carnet profile locate [NAME]"


def main(arguments: Sequence[str]) -> int:
    """Do what is asked for."""
    options = {one for one in arguments if one.startswith("-")}
    action, *names = [one for one in arguments if not one.startswith("-")] or [""]
    folder = ipython_folder(os.environ)
    if options - {"--reset"} or len(names) > 1:
        raise ConfigError(f"That was not understood. There is: {USAGE}.")
    match action, names:
        case "create", [name]:
            _create(name, replaces="--reset" in options)
        case "list", []:
            for one in profiles(folder):
                print(
                    f"{one.name:<20} {one.folder}{'' if one.has_file else '  (nothing for the server in it)'}"
                )
        case "locate", _:
            print(profile_folder(folder, names[0] if names else "default"))
        case _:
            raise ConfigError(f"Say what to do: {USAGE}.")
    return 0


def _create(name: str, *, replaces: bool) -> None:
    folder = profile_folder(ipython_folder(os.environ), name)
    if create_profile(folder, config_file([SERVER, *_managers(), *KERNELS]), replaces=replaces):
        print(f"[ProfileCreate] Generating default config file: '{folder / FILE}'")
        print(f"Edit it, then start the server: carnet --profile={name}")
    else:
        print(f"{folder / FILE} is there already and stays as it is. --reset writes it anew.")


def _managers() -> Iterator[Section]:
    """Yield the settings of the stores we have; first those that all have."""
    for manager in (BASE, *OURS):
        rows = [
            Row(trait_name, trait.help, trait.default())
            for trait_name, trait in sorted(manager.class_traits(config=True).items())
            if trait_name in vars(manager)
        ]
        if rows:
            yield Section(manager.__name__, (manager.__doc__ or "").partition("\n\n")[0], rows)
