"""The command `readme`."""

from instant import make_result

from benchmark.__main__ import main
from benchmark.commands import readme as command
from benchmark.protocol.cells import Cell
from benchmark.results.store import Store

CELL = Cell("toy", "widget", "general", 1, 0, "p")


def test_the_readme_is_checked_against_published_results(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "PUBLISHED", tmp_path / "published")
    readme = tmp_path / "README.md"
    readme.write_text("<!-- begin:results-toy -->\n<!-- end:results-toy -->\n")
    arguments = ["readme", "--readme", str(readme)]
    assert main([*arguments, "--check"]) == 1
    assert main(arguments) == 0
    capsys.readouterr()
    assert main([*arguments, "--check"]) == 0
    assert "are what the results give" in capsys.readouterr().out
    Store(tmp_path / "published/p").write(make_result(CELL))
    assert main([*arguments, "--check"]) == 1
