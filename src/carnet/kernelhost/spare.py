"""The warm spare: which kernels can be one, and the code that makes it the kernel that was asked for.

Pure. The code runs silently, before any user code, and leaves no trace in
In, Out, history or the count. Rules HO50 to HO54: docs/specs/host.md.
"""

import json

from carnet.core.wire.host import KernelspecModel

#: Read once, when an interpreter or a C library starts: setting them later would not do what a fresh start does.
_STARTUP_PREFIXES = (
    "PYTHON",
    "IPYTHON",
    "JUPYTER",
    "JPY_",
    "LD_",
    "DYLD_",
    "MALLOC_",
    "LC_",
    "CUDA",
    "OMP_",
    "MKL_",
)
_STARTUP_NAMES = frozenset({"HOME", "LANG", "LANGUAGE", "TZ", "VIRTUAL_ENV", "CONDA_PREFIX"})


def can_be_spare(spec: KernelspecModel) -> bool:
    """Is this an ipykernel, started the usual way by a local provisioner?"""
    argv = spec.spec.get("argv")
    metadata = spec.spec.get("metadata")
    if not isinstance(argv, list) or "ipykernel_launcher" not in argv:
        return False
    provisioner = metadata.get("kernel_provisioner") if isinstance(metadata, dict) else None
    return spec.language == "python" and provisioner is None


def can_take_spare(env: dict[str, str], extra_arguments: tuple[str, ...]) -> bool:
    """Can a running interpreter become the kernel that is asked for?"""
    return not extra_arguments and not any(
        name.startswith(_STARTUP_PREFIXES) or name in _STARTUP_NAMES for name in env
    )


def claim_code(cwd: str, env: dict[str, str]) -> str:
    """Return Python that moves a spare into its folder and environment, as expressions that bind no name.

    `sys.path` holds the empty entry, which follows the folder; IPython's list
    of folders (`_dh`, for `%cd -`) starts in the new one.
    """
    return "\n".join(
        (
            f"__import__('os').chdir({cwd!r})",
            f"__import__('os').environ.update(__import__('json').loads({json.dumps(env)!r}))",
            f"get_ipython().user_ns['_dh'][:] = [{cwd!r}]",
            f"get_ipython().starting_dir = {cwd!r}",
        )
    )
