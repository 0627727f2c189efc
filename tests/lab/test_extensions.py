"""Extensions and licenses (LB7, LB12)."""

from carnet.lab.extensions import extensions, licenses
from carnet.lab.folders import LabFolders


def test_lb7_extensions_by_name(folders: LabFolders) -> None:
    found = extensions(folders)

    assert list(found) == ["plots", "@me/unbuilt"]
    assert found["plots"].folder == folders.extensions[0] / "plots"


def test_lb12_all_licenses(folders: LabFolders) -> None:
    found = licenses(folders, ".*")["bundles"]

    assert set(found) == {"plots", "@me/unbuilt", "@jupyterlab/application-top"}
    assert found["@jupyterlab/application-top"] == {"packages": [{"name": "lumino"}]}
    assert set(licenses(folders, "plots")["bundles"]) == {"plots"}
    assert set(licenses(folders, "@me/unbuilt|plots|x")["bundles"]) == {"plots", "@me/unbuilt"}
    assert licenses(folders, "((.*)*)*X") == {"bundles": {}}
