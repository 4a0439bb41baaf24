"""Feature cache: hits, keys, damage, interruption and races."""

import errno
import os
import shutil
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bgad import features as module
from bgad.backbone import Backbone
from bgad.data.folder import Category, load_category
from bgad.data.images import read_image
from bgad.errors import InputError
from bgad.features import EncodedImages, FeatureCache, encode

SIZE = 32


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return Backbone("tf_efficientnet_lite0", SIZE, "random")


@pytest.fixture
def category(tmp_path) -> Category:
    rng = np.random.default_rng(0)
    for name in ("train/good/0", "train/good/1", "train/good/2", "test/good/0", "test/cut/0"):
        path = tmp_path / f"data/widget/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)).save(path)
    mask = tmp_path / "data/widget/ground_truth/cut/0_mask.png"
    mask.parent.mkdir(parents=True)
    Image.fromarray(np.full((40, 48), 255, np.uint8)).save(mask)
    return load_category(tmp_path / "data", "widget")


@pytest.fixture
def cache(tmp_path) -> FeatureCache:
    return FeatureCache(tmp_path / "cache")


def reload(category: Category) -> Category:
    return load_category(category.root.parent, category.name)


def entries(cache: FeatureCache) -> list[Path]:
    return sorted(cache.root.glob("[!.]*"))


def scratch(cache: FeatureCache) -> list[Path]:
    return sorted(cache.root.glob(".building-*"))


def assert_same(actual: EncodedImages, expected: EncodedImages) -> None:
    assert np.array_equal(actual.images, expected.images)
    assert len(actual.levels) == len(expected.levels) == 3
    assert all(map(np.array_equal, actual.levels, expected.levels))


def count_encoded(monkeypatch) -> list[int]:
    """How many images each call of the backbone encodes, from now on."""
    calls = []
    encode_batch = Backbone.__call__

    def counted(self, images):
        calls.append(len(images))
        return encode_batch(self, images)

    monkeypatch.setattr(Backbone, "__call__", counted)
    return calls


def test_features_are_those_of_train_then_test(cache, category, backbone):
    samples = category.train + category.test
    images = np.stack([read_image(sample.path, SIZE) for sample in samples])
    assert_same(cache.get(category, backbone), encode(backbone, images))


def test_a_hit_gives_equal_features_without_encoding(cache, category, backbone, monkeypatch):
    first = cache.get(category, backbone)
    assert entries(cache)[0].stat().st_mode & 0o777 == 0o755
    calls = count_encoded(monkeypatch)
    second = cache.get(reload(category), backbone)
    assert not calls
    assert isinstance(second.levels[0], np.memmap)
    assert_same(second, first)


def test_indexing_selects_images_and_their_features(cache, category, backbone):
    encoded = cache.get(category, backbone)
    for index in (slice(1, 3), [4, 0], np.array([3])):
        part = encoded[index]
        assert len(part) == len(encoded.images[index])
        assert np.array_equal(part.images, encoded.images[index])
        assert all(
            np.array_equal(p, e[index]) for p, e in zip(part.levels, encoded.levels, strict=True)
        )


def test_encoding_does_not_depend_on_batches(backbone):
    images = np.random.default_rng(0).integers(0, 256, (9, SIZE, SIZE, 3), dtype=np.uint8)
    encoded = encode(backbone, images)
    for level, alone in zip(encoded.levels, encode(backbone, images[8:]).levels, strict=True):
        assert level.dtype == np.float32
        np.testing.assert_allclose(level[8:], alone, atol=1e-4)


def test_key_changes_with_whatever_changes_features(cache, category, backbone, monkeypatch):
    def store(category=category, backbone=backbone):
        cache.get(category, backbone)
        return len(entries(cache))

    assert store() == 1
    assert store(backbone=Backbone("tf_efficientnet_lite0", 2 * SIZE, "random")) == 2
    assert store(backbone=Backbone("tf_efficientnet_lite0", SIZE)) == 3
    assert store(backbone=Backbone("tf_efficientnet_lite1", SIZE, "random")) == 4
    path = category.train[0].path
    Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    assert store(category=reload(category)) == 5
    category.train[2].path.unlink()
    assert store(category=reload(category)) == 6
    monkeypatch.setattr(module, "PREPROCESSING_VERSION", -1)
    assert store(category=reload(category)) == 7


def test_masks_do_not_change_the_key(cache, category, backbone):
    cache.get(category, backbone)
    Image.fromarray(np.eye(40, 48, dtype=bool)).save(category.anomalies[0].mask_paths[0])
    cache.get(reload(category), backbone)
    assert len(entries(cache)) == 1


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def empty(entry: Path) -> None:
    shutil.rmtree(entry)
    entry.mkdir()
    (entry / "checksums.json").write_text("{}")


def nest(entry: Path) -> None:
    (entry / "level-0.npy").unlink()
    (entry / "level-0.npy").mkdir()


DAMAGE = {
    "flipped bit": lambda entry: flip(entry / "level-1.npy"),
    "truncated": lambda entry: os.truncate(entry / "level-0.npy", 200),
    "emptied": lambda entry: os.truncate(entry / "images.npy", 0),
    "array missing": lambda entry: (entry / "level-2.npy").unlink(),
    "checksums missing": lambda entry: (entry / "checksums.json").unlink(),
    "checksums torn": lambda entry: os.truncate(entry / "checksums.json", 30),
    "checksums of nothing": lambda entry: (entry / "checksums.json").write_text("{}"),
    "checksums no object": lambda entry: (entry / "checksums.json").write_text("[]"),
    "checksums endless": lambda entry: (entry / "checksums.json").write_text("[" * 99_999),
    "empty but for checksums of nothing": empty,
    "a file": lambda entry: shutil.rmtree(entry) or entry.write_text("?"),
    "a broken link": lambda entry: shutil.rmtree(entry) or entry.symlink_to("nowhere"),
    "a link": lambda entry: shutil.rmtree(entry) or entry.symlink_to(entry.parent),
    "an array is a folder": nest,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_entry_is_rebuilt_with_a_warning(cache, category, backbone, damage):
    images = np.stack([read_image(s.path, SIZE) for s in category.train + category.test])
    cache.get(category, backbone)
    (entry,) = entries(cache)
    damage(entry)
    with pytest.warns(UserWarning, match=f"{entry.name} is damaged and is rebuilt"):
        rebuilt = cache.get(category, backbone)
    assert_same(rebuilt, encode(backbone, images))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.get(category, backbone)


def test_an_interrupted_build_leaves_nothing_that_is_used(cache, category, backbone, monkeypatch):
    def interrupted(self, images):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Backbone, "__call__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            cache.get(category, backbone)
    assert not scratch(cache)
    assert not entries(cache)


def test_what_a_killed_process_left_is_removed(cache, category, backbone):
    cache.get(category, backbone)
    (entry,) = entries(cache)
    leftover = cache.root / f".building-{entry.name}-killed"
    entry.rename(leftover)
    os.truncate(leftover / "level-0.npy", 200)
    assert len(cache.get(category, backbone)) == 5
    assert entries(cache) == [entry]
    assert not scratch(cache)


@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.filterwarnings("ignore:.*is damaged")
def test_of_two_at_once_one_builds_and_both_are_served(
    cache, category, backbone, monkeypatch, damaged
):
    if damaged:
        cache.get(category, backbone)
        flip(entries(cache)[0] / "level-1.npy")
    built, build = [], module._build

    def slowly(*args):
        built.append(args)
        time.sleep(0.3)
        build(*args)

    monkeypatch.setattr(module, "_build", slowly)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: cache.get(category, backbone), range(2))
    assert len(built) == 1
    assert_same(first, second)
    assert first.images.any()


def test_without_locks_the_later_builder_takes_what_is_there(
    cache, category, backbone, monkeypatch
):
    def no_locks(self, *_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(module.FileLock, "acquire", no_locks)
    build = module._build

    def overtaken(*args):
        monkeypatch.setattr(module, "_build", build)
        FeatureCache(cache.root).get(category, backbone)
        build(*args)

    monkeypatch.setattr(module, "_build", overtaken)
    encoded = cache.get(category, backbone)
    assert_same(encoded, cache.get(category, backbone))
    assert not scratch(cache)


FULL = """
import resource, sys
from bgad.backbone import Backbone
from bgad.data.folder import load_category
from bgad.features import FeatureCache

if sys.argv[3] == "quota":
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
backbone = Backbone("tf_efficientnet_lite0", int(sys.argv[4]), "random")
try:
    FeatureCache(sys.argv[1]).get(load_category(sys.argv[2], "widget"), backbone)
except OSError as error:
    print("refused:", error.strerror)
"""


def fill(cache: Path, category: Category, limit: str) -> str:
    command = [sys.executable, "-c", FULL, str(cache), str(category.root.parent), limit, str(SIZE)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_full_disk_is_an_error_and_leaves_nothing(cache, category):
    assert fill(cache.root, category, "quota") == "refused: File too large\n"
    assert not scratch(cache)
    assert not entries(cache)


def test_a_full_file_system_is_an_error_and_leaves_nothing(tmp_path, category, small_disk):
    root = small_disk(tmp_path / "small", "16k") / "cache"
    assert fill(root, category, "none") == "refused: No space left on device\n"
    assert not scratch(FeatureCache(root))


@pytest.mark.slow
def test_two_processes_build_the_same_entry(cache, category, backbone):
    code = (
        "import sys; from bgad.backbone import Backbone; from bgad.features import FeatureCache;"
        "from bgad.data.folder import load_category;"
        f"FeatureCache(sys.argv[1]).get(load_category(sys.argv[2], 'widget'),"
        f"Backbone('tf_efficientnet_lite0', {SIZE}, 'random'))"
    )
    command = [sys.executable, "-W", "error::UserWarning", "-c", code]
    command += [str(cache.root), str(category.root.parent)]
    processes = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert len(entries(cache)) == 1
    assert not scratch(cache)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.get(category, backbone)


def test_an_unreadable_image_leaves_no_entry(cache, category, backbone):
    category.test[0].path.write_bytes(b"no image")
    with pytest.raises(InputError, match=str(category.test[0].path)):
        cache.get(category, backbone)
    assert not scratch(cache)
    assert not entries(cache)


def test_copies_saved_anew_have_the_same_pixel_hash(cache, category):
    copy = category.root / "test/good/copy.bmp"
    with Image.open(category.train[0].path) as image:
        image.save(copy)
    hashes = cache.pixel_hashes(reload(category))
    assert hashes["test/good/copy.bmp"] == hashes[category.train[0].name]
    assert len(hashes) == 6 and len(set(hashes.values())) == 5


def test_pixels_are_looked_at_once(cache, category, monkeypatch):
    first = cache.pixel_hashes(category)
    assert list(first) == [sample.name for sample in category.samples]
    with monkeypatch.context() as patch:
        patch.setattr(module, "read_image", None)
        assert cache.pixel_hashes(reload(category)) == first
    (remembered,) = entries(cache)
    os.truncate(remembered, 20)
    assert cache.pixel_hashes(reload(category)) == first
    Image.new("RGB", (48, 40)).save(category.train[0].path)
    assert cache.pixel_hashes(reload(category)) != first


@pytest.mark.parametrize("part", ["train", "mask"])
def test_damage_behind_a_header_is_refused_when_pixels_are_looked_at(cache, category, part):
    path = category.train[1].path if part == "train" else category.anomalies[0].mask_paths[0]
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(InputError, match=path.name):
        cache.pixel_hashes(reload(category))
    assert not entries(cache)
