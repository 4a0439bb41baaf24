"""The command `cache`."""

from benchmark.__main__ import main


def test_the_cache_is_shown_and_cleared(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BGAD_CACHE", str(tmp_path))
    (tmp_path / "features/entry").mkdir(parents=True)
    (tmp_path / "features/entry/images.npy").write_bytes(b"0" * 20_000_000)
    assert main(["cache"]) == 0
    assert "0.02 GB" in capsys.readouterr().out
    assert main(["cache", "--clear"]) == 0
    assert not (tmp_path / "features").exists()
