"""Checkpoints, as Jupyter's clients know them."""

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
