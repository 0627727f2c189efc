"""Which settings go to kernels, and how (S16)."""

import json

import pytest
from traitlets.config import Config
from traitlets.config.loader import DeferredConfigString

from carnet.config.kernels import KernelConfig, kernel_config
from carnet.errors import ConfigError


def config_of(**sections: dict[str, object]) -> Config:
    return Config(sections)


def test_s16_what_is_ipythons_goes_to_kernels_and_the_rest_does_not() -> None:
    other = config_of(
        IPKernelApp={"pylab": "inline"},
        InteractiveShellApp={"exec_lines": ["a = 1"]},
        SwiftNotebookManager={"account_key": "secret"},
    )

    found = kernel_config(other)

    assert json.loads(found.file) == {
        "IPKernelApp": {"pylab": "inline"},
        "InteractiveShellApp": {"exec_lines": ["a = 1"]},
    }
    assert found.arguments == ()


def test_s16_what_stood_on_the_command_line_goes_on_theirs() -> None:
    other = config_of(IPKernelApp={"pylab": DeferredConfigString("inline")})

    assert kernel_config(other) == KernelConfig("", ("--IPKernelApp.pylab=inline",))


@pytest.mark.parametrize("other", [None, Config(), config_of(FileNotebookManager={"save_script": True})])
def test_nothing_for_kernels(other: Config | None) -> None:
    assert kernel_config(other) == KernelConfig("", ())


def test_what_was_appended_and_sets_become_lists() -> None:
    config = Config()
    config.InteractiveShellApp.exec_lines.append("a = 1")
    config.InlineBackend.figure_formats = {"svg"}
    config.InlineBackend.rc.update({"font.size": 9})

    assert json.loads(kernel_config(config).file) == {
        "InteractiveShellApp": {"exec_lines": ["a = 1"]},
        "InlineBackend": {"figure_formats": ["svg"], "rc": {"font.size": 9}},
    }


def test_a_value_that_no_other_process_can_have() -> None:
    with pytest.raises(ConfigError, match=r"InteractiveShell\.colors: kernels are other processes"):
        kernel_config(config_of(InteractiveShell={"colors": object()}))
