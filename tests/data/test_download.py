"""The download arrives whole or not at all, whatever server and archive do."""

import hashlib
import io
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bgad.data import download as module
from bgad.data.__main__ import main
from bgad.data.download import download, fetch, unpack
from bgad.data.folder import load_category
from bgad.errors import InputError


class Server:
    """A loopback server of one archive that misbehaves on request."""

    def __init__(self) -> None:
        self.content = b""
        self.ranges: list[str | None] = []  # the Range header of each request
        self.cuts: list[int] = []  # bytes after which to hang up, one for each request
        self.supports_ranges = True
        self.status = 200
        self.type = "application/x-xz"
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/archive.tar.xz"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if not self.supports_ranges or self.status != 200:
            start = 0
        if start >= len(self.content) > 0:
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(self.content)}")
            request.end_headers()
            return
        body = self.content[start:]
        request.send_response(206 if start else self.status)
        if start:
            last = len(self.content) - 1
            request.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
        request.send_header("Content-Type", self.type)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: self.cuts.pop(0)] if self.cuts else body)
        request.close_connection = True


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


@pytest.fixture
def archive(data_root) -> bytes:
    """The tiny data set as a .tar.xz with the categories at its top, as the official one."""
    return packed(lambda tar: tar.add(data_root / "widget", "widget"))


def packed(fill) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as tar:
        fill(tar)
    return buffer.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def left(root: Path) -> set[str]:
    """What a download into `root` left beside and at it."""
    return {path.name for path in root.parent.iterdir()}


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "downloads").mkdir()
    return tmp_path / "downloads" / "mvtec_ad"


def test_download_gives_the_categories(server, archive, root, data_root):
    server.content = archive
    assert download(root, server.url, sha256(archive).upper()) == root
    assert left(root) == {"mvtec_ad"}
    copy, original = load_category(root, "widget"), load_category(data_root, "widget")
    assert copy.fingerprint() == original.fingerprint()


def test_an_empty_folder_may_be_filled(server, archive, root):
    root.mkdir()
    server.content = archive
    download(root, server.url, sha256(archive))
    assert (root / "widget" / "train").is_dir()


def test_a_used_folder_is_refused_before_any_request(server, root):
    root.mkdir()
    (root / "mine.txt").touch()
    with pytest.raises(InputError, match="not empty"):
        download(root, server.url)
    assert server.ranges == [] and left(root) == {"mvtec_ad"}


def test_broken_connections_are_continued(server, archive, root):
    server.content, server.cuts = archive, [100, 200, 300]
    download(root, server.url, sha256(archive))
    assert server.ranges == [None, "bytes=100-", "bytes=300-", "bytes=600-"]


def test_interrupted_download_is_resumed_by_the_next_call(server, archive, root):
    def interrupt(step, done, total):
        raise KeyboardInterrupt

    server.content = archive
    server.cuts = [500, 0]
    with pytest.raises(KeyboardInterrupt):
        download(root, server.url, sha256(archive), interrupt)
    assert left(root) == {"mvtec_ad.tar.xz.part"}
    download(root, server.url, sha256(archive))
    assert server.ranges[-1] == "bytes=500-" and left(root) == {"mvtec_ad"}


def test_a_server_that_stays_broken_leaves_a_part_to_resume(server, archive, root):
    server.content, server.cuts = archive, [400, 0, 0, 0, 0, 0, 0]
    with pytest.raises(InputError, match="again to continue"):
        download(root, server.url, sha256(archive))
    assert len(server.ranges) == 6 and left(root) == {"mvtec_ad.tar.xz.part"}
    server.cuts = []
    download(root, server.url, sha256(archive))
    assert server.ranges[-1] == "bytes=400-" and left(root) == {"mvtec_ad"}


def test_a_server_without_ranges_starts_anew(server, archive, root):
    server.content, server.cuts, server.supports_ranges = archive, [100], False
    download(root, server.url, sha256(archive))
    assert server.ranges == [None, "bytes=100-"] and left(root) == {"mvtec_ad"}


def test_a_finished_part_is_not_fetched_again(server, archive, root):
    server.content = archive
    fetch(server.url, root.with_name("mvtec_ad.tar.xz.part"))
    download(root, server.url, sha256(archive))
    assert server.ranges == [None, f"bytes={len(archive)}-"] and left(root) == {"mvtec_ad"}


def test_a_part_longer_than_the_archive_is_dropped(server, archive, root):
    root.with_name("mvtec_ad.tar.xz.part").write_bytes(archive + b"more")
    server.content = archive
    download(root, server.url, sha256(archive))
    assert server.ranges[-1] is None and left(root) == {"mvtec_ad"}


def test_a_wrong_checksum_leaves_nothing(server, archive, root):
    server.content = archive[:-50] + b"\0" * 50
    with pytest.raises(InputError, match=sha256(archive)):
        download(root, server.url, sha256(archive))
    assert left(root) == set()


def test_a_truncated_archive_leaves_nothing(server, archive, root):
    server.content = archive[: len(archive) // 2]
    with pytest.raises(InputError, match="SHA-256"):
        download(root, server.url, sha256(archive))
    assert left(root) == set()


def test_a_web_page_is_recognised(server, root):
    server.content, server.type = b"<html>moved</html>", "text/html; charset=utf-8"
    with pytest.raises(InputError, match="web page"):
        download(root, server.url)
    assert left(root) == set()


@pytest.mark.parametrize("status", [403, 404, 503])
def test_refusing_servers_are_named(server, root, status):
    server.status = status
    with pytest.raises(InputError, match=f"{status}.*--url"):
        download(root, server.url)
    assert len(server.ranges) == (5 if status >= 500 else 1) and left(root) == set()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/a", "archive.tar.xz", ""])
def test_other_schemes_are_refused(root, url):
    with pytest.raises(InputError, match="https"):
        download(root, url)
    assert left(root) == set()


def test_a_server_that_is_not_there(root, monkeypatch):
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(InputError, match="--url"):
        download(root, "http://127.0.0.1:9/archive.tar.xz")
    assert left(root) == set()


def test_a_full_disk_is_noticed_before_downloading(server, archive, root, monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10}))
    server.content = archive
    with pytest.raises(InputError, match="no room"):
        download(root, server.url, sha256(archive))
    assert left(root) == set()


def member(name: str, **attributes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info


HOSTILE = {
    "parent": member("../escaped.png", size=3),
    "inner parent": member("widget/../../escaped.png", size=3),
    "absolute": member("/tmp/escaped.png", size=3),
    "backslash": member("..\\escaped.png", size=3),
    "drive": member("C:escaped.png", size=3),
    "parent folder": member("../escaped", type=tarfile.DIRTYPE),
    "symbolic link": member("link", type=tarfile.SYMTYPE, linkname="/etc"),
    "link inside": member("widget/link", type=tarfile.SYMTYPE, linkname="train"),
    "hard link": member("link", type=tarfile.LNKTYPE, linkname="widget/train/good/000.png"),
    "device": member("device", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
    "block device": member("device", type=tarfile.BLKTYPE),
    "fifo": member("fifo", type=tarfile.FIFOTYPE),
    "twice": member("widget/train/good/000.png", size=3),
    "file as folder": member("widget/train/good/000.png/a.png", size=3),
    "name too long": member("n" * 300, size=3),
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_hostile_archives_leave_nothing(data_root, root, hostile):
    def fill(tar):
        tar.add(data_root / "widget", "widget")
        tar.addfile(hostile, io.BytesIO(b"bad") if hostile.isreg() else None)

    archive = root.with_name("archive")
    archive.write_bytes(packed(fill))
    before = {path for path in root.parents[1].rglob("*")}
    with pytest.raises(InputError):
        unpack(archive, root)
    assert {path for path in root.parents[1].rglob("*")} == before


def test_only_names_and_bytes_are_taken_from_the_archive(data_root, root):
    def fill(tar):
        tar.add(data_root / "widget", "widget")
        tar.addfile(member("widget/tool", size=3, mode=0o6777, uid=12345), io.BytesIO(b"bad"))

    archive = root.with_name("archive")
    archive.write_bytes(packed(fill))
    unpack(archive, root)
    status = (root / "widget" / "tool").stat()
    assert status.st_mode & 0o6111 == 0 and status.st_uid != 12345


def test_damaged_archives_leave_nothing(archive, root):
    path = root.with_name("archive")
    for content in (archive[:-400], archive[: len(archive) // 2], archive[:40], b"", b"no archive"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="damaged"):
            unpack(path, root)
        assert left(root) == {"archive"}


def test_an_archive_without_categories_is_refused(root):
    path = root.with_name("archive")
    path.write_bytes(packed(lambda tar: tar.addfile(member("a.txt", size=3), io.BytesIO(b"abc"))))
    with pytest.raises(InputError, match="category"):
        unpack(path, root)
    assert left(root) == {"archive"}


def test_a_killed_run_does_not_stand_in_the_way(archive, root):
    stale = root.with_name(".mvtec_ad.unpacking") / "widget"
    stale.mkdir(parents=True)
    (stale / "half.png").touch()
    path = root.with_name("archive")
    path.write_bytes(archive)
    unpack(path, root)
    assert not (root / "widget" / "half.png").exists() and left(root) == {"archive", "mvtec_ad"}


def command(server, archive, root, *options) -> int:
    arguments = ["--root", str(root), "--url", server.url, "--sha256", sha256(archive)]
    return main(["download", *arguments, *options])


def test_the_license_is_shown_and_asked(server, archive, root, monkeypatch, capsys):
    server.content = archive
    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert command(server, archive, root) == 2
    captured = capsys.readouterr()
    assert "CC BY-NC-SA 4.0" in captured.out and "license" in captured.err
    assert server.ranges == [] and left(root) == set()
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    assert command(server, archive, root) == 0
    assert left(root) == {"mvtec_ad"}


def test_nobody_to_ask_is_no_acceptance(server, archive, root, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert command(server, archive, root) == 2
    assert "--accept-license" in capsys.readouterr().err and server.ranges == []


def test_the_command_shows_progress_and_can_be_interrupted(
    server, archive, root, monkeypatch, capsys
):
    server.content = archive
    assert command(server, archive, root, "--accept-license") == 0
    captured = capsys.readouterr()
    assert "100 %" in captured.err and "verify" in captured.out
    assert command(server, archive, root, "--accept-license") == 2

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("bgad.data.__main__.download", interrupted)
    assert command(server, archive, root, "--accept-license") == 130
