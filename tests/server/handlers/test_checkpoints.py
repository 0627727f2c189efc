"""Checkpoints, as Jupyter's clients know them."""

from typing import Any

import pytest

from tests.server.serving import Server


def test_co14_make_list_restore_remove(server: Server) -> None:
    path = server.notebook_dir / "c.txt"
    path.write_text("one")

    made = server.api("POST", "api/contents/c.txt/checkpoints")
    path.write_text("two")
    checkpoint_id = made.json()["id"]
    listed = server.api("GET", "api/contents/c.txt/checkpoints").json()
    restored = server.api("POST", f"api/contents/c.txt/checkpoints/{checkpoint_id}")

    assert (made.status, restored.status) == (201, 204)
    assert [one["id"] for one in listed] == [checkpoint_id]
    assert set(made.json()) == {"id", "last_modified"}
    assert path.read_text() == "one"
    assert server.api("DELETE", f"api/contents/c.txt/checkpoints/{checkpoint_id}").status == 204
    assert server.api("GET", "api/contents/c.txt/checkpoints").json() == []
    assert server.api("POST", f"api/contents/c.txt/checkpoints/{checkpoint_id}").status == 404
    assert server.api("POST", "api/contents/nothing/checkpoints").status == 404


@pytest.mark.parametrize("name", ["checkpoints", "trust"])
@pytest.mark.parametrize("folder", ["", "models"])
def test_co16_in_a_folder_they_are_names_like_any_other(server: Server, folder: str, name: str) -> None:
    place = f"{folder}/{name}" if folder else name

    def ask(method: str, path: str, status: int, value: object = None) -> Any:
        answer = server.api(method, f"api/contents/{path}", value)
        assert answer.status == status, (path, answer.body)
        return answer.json() if answer.body else None

    text = {"type": "file", "format": "text", "content": "x"}
    if folder and not (server.notebook_dir / folder).exists():
        ask("PUT", folder, 201, {"type": "directory"})
    ask("GET", place, 404)
    assert ask("PUT", place, 201, {"type": "directory"})["path"] == place
    ask("PUT", f"{place}/epoch1", 201, text)
    ask("PUT", f"{place}/model.pt", 201, text)
    assert ask("POST", place, 201, {"type": "file"})["path"] == f"{place}/untitled"
    assert [one["name"] for one in ask("GET", place, 200)["content"]] == ["epoch1", "model.pt", "untitled"]
    assert ask("GET", f"{place}/epoch1", 200)["content"] == "x"
    made = ask("POST", f"{place}/epoch1/checkpoints", 201)
    assert ask("GET", f"{place}/epoch1/checkpoints", 200) == [made]
    ask("POST", f"{place}/epoch1/checkpoints/{made['id']}", 204)
    ask("PATCH", f"{place}/epoch1", 200, {"path": f"{place}/epoch2"})
    ask("DELETE", f"{place}/epoch2", 204)
    assert ask("PATCH", place, 200, {"path": f"{place}-moved"})["path"] == f"{place}-moved"
    ask("PUT", place, 201, text)
    assert ask("GET", place, 200)["content"] == "x"
    assert ask("PUT", place, 200, {**text, "content": "y"})["size"] == 1
    ask("DELETE", place, 204)
    ask("DELETE", f"{place}-moved", 204)
    ask("GET", place, 404)
