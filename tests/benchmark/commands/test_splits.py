"""The command `splits`: written once, and checked."""

from benchmark.__main__ import main
from benchmark.protocol.splits import make_split
from bgad.data.folder import load_category


def test_splits_are_written_once_and_checked(data_root, tmp_path, capsys):
    arguments = ["splits", "--dataset", "toy", "--data-root", str(data_root)]
    arguments += ["--out", str(tmp_path / "splits"), "--shots", "1", "3", "--seeds", "0", "1"]
    assert main([*arguments, "--check"]) == 1
    assert main(arguments) == 0
    assert main([*arguments, "--setting", "hard"]) == 0
    written = sorted(path.name for path in (tmp_path / "splits/toy/widget").iterdir())
    assert written == [
        f"{setting}_seed-{seed}.txt"
        for setting in ("general", "hard-crack", "hard-hole")
        for seed in (0, 1)
    ]
    split = make_split(load_category(data_root, "widget"), "toy", "general", 3, 1, pool=3)
    text = (tmp_path / "splits/toy/widget/general_seed-1.txt").read_text()
    assert split.sha256 in text
    capsys.readouterr()
    assert main([*arguments, "--check"]) == 0
    assert "4 of 4 files" in capsys.readouterr().out
    (tmp_path / "splits/toy/widget/general_seed-1.txt").write_text(text.replace("known 1", ""))
    capsys.readouterr()
    assert main([*arguments, "--check"]) == 1
    assert "widget/general_seed-1.txt would change" in capsys.readouterr().out


def test_what_cannot_be_served_ends_with_status_2(tmp_path, capsys):
    arguments = ["--dataset", "toy", "--out", str(tmp_path), "--data-root", str(tmp_path / "no")]
    assert main(["splits", *arguments]) == 2
    assert capsys.readouterr().err.startswith("benchmark splits: ")
