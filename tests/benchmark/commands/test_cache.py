"""The command `cache`."""

from benchmark.__main__ import main


def test_the_cache_is_shown_and_cleared(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BGAD_CACHE", str(tmp_path))
    for name, size in (
        ("features/entry/images.npy", 20_000_000),
        ("training/key/a.pt", 10_000_000),
    ):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"0" * size)
    assert main(["cache"]) == 0
    said = capsys.readouterr().out
    assert "features: 0.02 GB" in said and "training: 0.01 GB" in said
    assert main(["cache", "--clear"]) == 0
    assert not list(tmp_path.iterdir())
