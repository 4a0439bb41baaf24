"""Fetch MVTec AD: license, resumable download, checksum, and unpacking that trusts no path.

Nothing appears under the data root before all of it is there: the archive grows in
``ROOT.tar.xz.part`` beside it (and stays there when the connection breaks, to be resumed), is
checked, and is unpacked into a hidden folder beside it that is renamed at the end.
"""

import hashlib
import http.client
import re
import shutil
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path, PureWindowsPath
from textwrap import fill

from bgad.data.folder import list_categories
from bgad.data.registry import DATASETS
from bgad.errors import InputError

__all__ = ["SHA256", "URL", "download", "fetch", "license_notice", "unpack"]

URL = (
    "https://www.mydrive.ch/shares/150996/b52ecdcbf521176e9db9c731f2304b27/"
    "download/420938113-1629960298/mvtec_anomaly_detection.tar.xz"
)
SHA256 = "cf4313b13603bec67abb49ca959488f7eedce2a9f7795ec54446c649ac98cd3d"
_MVTEC = DATASETS["mvtec_ad"]
_CHUNK = 1 << 20
_ATTEMPTS = 5
_PAUSE_S = 1.0
_TIMEOUT_S = 60.0

Progress = Callable[[str, int, int | None], None]


def license_notice() -> str:
    """On which terms MVTec AD may be used, to be shown before it is fetched."""
    return (
        f"{_MVTEC.label} is licensed under {_MVTEC.licence}\n"
        "(https://creativecommons.org/licenses/by-nc-sa/4.0/): you must credit its authors, may\n"
        "not use it for commercial purposes, and must share what you derive from it under the\n"
        f"same license. Please cite:\n{fill(_MVTEC.citation, 88)}"
    )


def download(
    root: Path | str, url: str = URL, sha256: str = SHA256, progress: Progress = lambda *_: None
) -> Path:
    """Fetch, check and unpack a data set archive, so that `root` holds its categories.

    Parameters
    ----------
    root
        The folder to create. It must not exist yet, or be empty.
    url
        Address (http or https) of the ``.tar.xz``.
    sha256
        Checksum (hex) the archive must have.
    progress
        Called with the step (download, check, unpack), the bytes done and, where known, their
        total.

    Raises
    ------
    InputError
        `root` is in use; the address does not deliver; another checksum; an archive that is
        damaged, or holds anything but folders and regular files with paths inside it; no category
        in it; not enough space. `root` is then as it was before.
    """
    root = Path(root).absolute()
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise InputError(
            f"{root}: is not empty: give a new folder (python -m bgad.data verify --root {root} "
            "checks what is there)"
        )
    root.parent.mkdir(parents=True, exist_ok=True)
    archive = root.with_name(f"{root.name}.tar.xz.part")
    fetch(url, archive, progress)
    found = _sha256(archive, progress)
    if found != sha256.lower():
        archive.unlink()
        raise InputError(
            f"{url}: the archive's SHA-256 is {found}, expected {sha256}; it was deleted: "
            f"try again, or give another address with --url (see {_MVTEC.url})"
        )
    unpack(archive, root, progress)
    archive.unlink()
    return root


def fetch(url: str, target: Path, progress: Progress = lambda *_: None) -> None:
    """Download a file, continuing from what `target` already holds.

    A broken connection is taken up again; after five attempts without a new byte the file is left
    as it is, for the next call.

    Raises
    ------
    InputError
        If the address is no http(s) one, is refused, serves a web page, or stays broken; if the
        file cannot be written.
    """
    if not url.startswith(("http://", "https://")):
        raise InputError(f"{url}: the address must start with http:// or https://")
    attempts = _ATTEMPTS
    try:
        while True:
            before = _size(target)
            try:
                _receive(url, target, progress)
                return
            except _BrokenError as error:
                attempts = _ATTEMPTS if _size(target) > before else attempts - 1
                if not attempts:
                    raise InputError(
                        f"{url}: {error}: run the same command again to continue, or give "
                        f"another address with --url (see {_MVTEC.url})"
                    ) from error
                time.sleep(_PAUSE_S)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror or error}") from error


class _BrokenError(Exception):
    """The connection failed in a way that another attempt may mend."""


@contextmanager
def _connection(url: str) -> Iterator[None]:
    """Tell failures of the network apart from those of the disk."""
    try:
        yield
    except urllib.error.HTTPError as error:
        if error.code >= 500:
            raise _BrokenError(f"the server answers {error.code} {error.reason}") from error
        raise InputError(
            f"{url}: the server answers {error.code} {error.reason}: "
            f"give the current address with --url (see {_MVTEC.url})"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(str(error) or type(error).__name__) from error


def _receive(url: str, target: Path, progress: Progress) -> None:
    """One connection: append to `target`, or start it anew where the server cannot continue it."""
    done = _size(target)
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    with _connection(url):
        try:
            response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
        except urllib.error.HTTPError as error:
            if error.code != 416:
                raise
            if error.headers.get("Content-Range") == f"bytes */{done}":
                return
            target.unlink()
            raise _BrokenError("the server holds less than was received") from error
    with response:
        if response.headers.get_content_type() == "text/html":
            raise InputError(
                f"{url}: serves a web page instead of the archive: "
                f"give the current address with --url (see {_MVTEC.url})"
            )
        length = response.headers.get("Content-Length")
        continued = re.match(rf"bytes {done}-", response.headers.get("Content-Range", ""))
        done = done if response.status == 206 and continued else 0
        total = done + int(length) if length else None
        if total and shutil.disk_usage(target.parent).free < total - done:
            raise InputError(f"{target.parent}: has no room for {total:,} bytes")
        with target.open("ab" if done else "wb") as file:
            while True:
                with _connection(url):
                    chunk = response.read(_CHUNK)
                if not chunk:
                    break
                file.write(chunk)
                done += len(chunk)
                progress("download", done, total)
    if total and done < total:
        raise _BrokenError(f"the connection ended after {done:,} of {total:,} bytes")


def unpack(archive: Path, root: Path, progress: Progress = lambda *_: None) -> None:
    """Unpack a ``.tar.xz`` of categories to `root`, wholly or not at all.

    Raises
    ------
    InputError
        If the archive is damaged, holds no category, or holds anything but folders and regular
        files with paths inside it (absolute paths, ``..``, links, devices); if there is no room.
    """
    temporary = root.with_name(f".{root.name}.unpacking")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir()
        written = 0
        with tarfile.open(archive, "r:xz") as tar:
            for member in tar:
                _extract(tar, member, temporary)
                written += member.size
                progress("unpack", written, None)
        list_categories(temporary)
        if root.exists():
            root.rmdir()
        temporary.rename(root)
    except (tarfile.TarError, LZMAError, EOFError) as error:
        raise InputError(f"{archive}: is damaged ({error}): download it again") from error
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{root}: cannot be written: {error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write one folder or file; only its name and bytes are taken from the archive."""
    # As Windows reads it, every way to leave a folder shows: both slashes, drives and "..".
    path = PureWindowsPath(member.name)
    if path.anchor or ".." in path.parts:
        raise InputError(f"archive member {member.name!r}: its path leads out of the data root")
    if not (member.isdir() or member.isreg()):
        raise InputError(f"archive member {member.name!r}: is neither a folder nor a regular file")
    target = folder / member.name
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    if member.size > shutil.disk_usage(folder).free:
        raise InputError(f"{folder.parent}: has no room for {member.name!r}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tar.extractfile(member) as source, target.open("xb") as file:
        shutil.copyfileobj(source, file, _CHUNK)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sha256(path: Path, progress: Progress) -> str:
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            progress("check", done, _size(path))
    return digest.hexdigest()
