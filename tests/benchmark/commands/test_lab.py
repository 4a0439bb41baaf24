"""The command that opens the notebooks: it works on copies, and keeps what a person changed."""

from benchmark.__main__ import main


def test_copies_are_made_once(tmp_path, capsys):
    options = ["lab", "--out", str(tmp_path), "--copy-only"]
    assert main(options) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"{name}.ipynb" for name in ("category", "explore", "overview", "quickstart")}
    (tmp_path / "category.ipynb").write_text("mine")
    assert main(options) == 0
    assert (tmp_path / "category.ipynb").read_text() == "mine"
    assert "kept as it is" in capsys.readouterr().out
