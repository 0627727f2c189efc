"""The names of 2014 lead to `carnet.compat`, and only they."""

import importlib
import subprocess
import sys

import pytest

from carnet.compat import filenbmanager, ipython2, nbformat3, nbmanager, sign, tz


def test_s31_each_name_leads_to_its_module(names_of_2014: None) -> None:
    for name in ipython2.MODULES:
        importlib.import_module(name)

    found = {
        "IPython.html.services.notebooks.nbmanager": nbmanager.NotebookManager,
        "IPython.html.services.notebooks.filenbmanager": filenbmanager.FileNotebookManager,
        "IPython.nbformat.sign": sign.NotebookNotary,
    }
    for name, class_ in found.items():
        assert getattr(importlib.import_module(name), class_.__name__) is class_
    assert importlib.import_module("IPython.nbformat.current").reads is nbformat3.reads
    assert importlib.import_module("IPython.utils.tz").utcnow is tz.utcnow
    assert (
        importlib.import_module("IPython.config").Config is importlib.import_module("traitlets.config").Config
    )


def test_s31_without_it_they_are_not_there() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("IPython.html.services.notebooks.nbmanager")


def test_s31_the_rest_of_ipython_is_its_own(names_of_2014: None) -> None:
    assert "compat" not in str(importlib.import_module("IPython.core.getipython").__file__)
    assert importlib.import_module("IPython").__version__


def test_s31_it_works_where_no_ipython_is_installed() -> None:
    program = """if True:
        import sys
        from carnet.compat import ipython2
        sys.path_importer_cache.clear()
        real = sys.meta_path[-1]
        class Without:
            def find_spec(self, fullname, path=None, target=None):
                return None if fullname.startswith("IPython") else real.find_spec(fullname, path, target)
        sys.meta_path[:] = [one for one in sys.meta_path if one is not real and "editable" not in repr(one)] + [Without()]
        ipython2.install()
        from IPython.nbformat import current
        from IPython.utils import tz
        from IPython.utils.traitlets import Unicode
        print(current.nbformat, tz.utcnow().tzinfo, Unicode("x").default_value)
    """

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("3 UTC x\n", "")


def test_times_of_2014() -> None:
    assert tz.isoformat(tz.utcfromtimestamp(1392854400)) == "2014-02-20T00:00:00Z"
    assert tz.utcnow().tzinfo is tz.UTC


def test_s31_taking_it_back_twice_is_no_fault() -> None:
    ipython2.uninstall()
    ipython2.install()
    ipython2.install()
    assert sum(one is ipython2._FINDER for one in sys.meta_path) == 1
    ipython2.uninstall()
