"""Settings of JupyterLab and its extensions (LB8, LB9)."""

from pathlib import Path

import pytest

from carnet.errors import NotFound, PeerError
from carnet.lab.folders import LabFolders
from carnet.lab.settings import LabSettings
from tests.lab.conftest import write

THEMES = "@jupyterlab/apps:themes"


@pytest.fixture
def settings(folders: LabFolders, tmp_path: Path) -> LabSettings:
    return LabSettings(folders, tmp_path / "state" / "lab" / "settings")


def test_lb8_all_settings_with_their_schemas(settings: LabSettings) -> None:
    assert settings.ids() == [{"id": "plots:main"}, {"id": THEMES}]
    plots, themes = settings.all()
    assert plots["schema"] == {"properties": {}}
    assert themes == settings.get(THEMES)
    assert (themes["version"], themes["raw"], themes["settings"]) == ("4.6.0", "{}", {})


def test_lb8_what_was_set_is_kept_as_it_was_written(settings: LabSettings, tmp_path: Path) -> None:
    raw = '{\n  // dark is better\n  "theme": "dark",\n}'

    settings.save(THEMES, raw)

    found = settings.get(THEMES)
    assert (found["raw"], found["settings"]) == (raw, {"theme": "dark"})
    assert found["last_modified"] is not None
    [file] = (tmp_path / "state").rglob("*.jupyterlab-settings")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_lb8_numbers_that_json_has_not_stay_in_the_text(settings: LabSettings) -> None:
    settings.save("plots:main", '{"most": Infinity}')

    found = settings.get("plots:main")
    assert (found["raw"], found["settings"]) == ('{"most": Infinity}', {})


@pytest.mark.parametrize(
    ("raw", "why"), [("{", "not JSON"), ('{"theme": 3}', "not valid"), ('{"other": 1}', "not valid")]
)
def test_lb8_what_the_schema_forbids_is_refused(settings: LabSettings, raw: str, why: str) -> None:
    with pytest.raises(PeerError, match=f"The settings of {THEMES} are {why}"):
        settings.save(THEMES, raw)
    assert settings.get(THEMES)["raw"] == "{}"


def test_lb8_an_environment_may_have_other_defaults(settings: LabSettings, folders: LabFolders) -> None:
    write(folders.app / "settings" / "overrides.json", {THEMES: {"theme": "dark"}})
    assert settings.get(THEMES)["schema"]["properties"]["theme"]["default"] == "dark"

    write(
        folders.config[0] / "labconfig" / "default_setting_overrides.json",
        {THEMES: {"theme": "paper", "new": {"a": 1}}},
    )
    properties = settings.get(THEMES)["schema"]["properties"]
    assert (properties["theme"]["default"], properties["new"]["default"]) == ("paper", {"a": 1})


@pytest.mark.parametrize(
    "plugin",
    [
        "nope:main",
        "plots",
        "plots:nope",
        "../../config:x",
        "..:x",
        "plots:../../x",
        "@me/../plots:main",
        "/etc:passwd",
        f"plots:{'x' * 300}",
        f"{'x' * 300}:main",
        "",
    ],
)
def test_lb9_other_names_have_no_settings(settings: LabSettings, plugin: str) -> None:
    with pytest.raises(NotFound, match="There are no settings"):
        settings.get(plugin)
    with pytest.raises(NotFound):
        settings.save(plugin, "{}")
