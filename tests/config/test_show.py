"""What `carnet config` shows: values in force, where they come from, and no secret."""

from pathlib import Path

from carnet.config.load import load
from carnet.config.show import HIDDEN, in_force, of_others


def test_each_value_says_where_it_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "my_config.py"
    path.write_text("c = get_config()\n\nc.ServerApp.root_dir = '/tmp'\nc.IPKernelApp.pylab = 'inline'\n")
    env = {"CARNET_TOKEN": "secret", "HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path)}

    loaded = load([f"--config={path}", "--port=9999"], env, tmp_path)
    shown = {name: (value, source) for name, value, source in in_force(loaded)}

    assert shown["notebook_dir"] == ("/tmp", f"{path}, line 3")
    assert shown["port"] == (9999, "command line")
    assert shown["token"] == (HIDDEN, "environment variable CARNET_TOKEN")
    assert shown["password"] == ("", "default")
    assert [name for name, _, _ in in_force(loaded)][:3] == ["notebook_dir", "port", "token"]
    assert list(of_others(loaded)) == [("IPKernelApp.pylab", "inline")]
