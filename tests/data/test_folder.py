"""A folder is read as it is, or refused early with one message that names file and way out."""

import contextlib
import os
import shutil
import time
import unicodedata
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bgad.data.folder import list_categories, load_category, scan_category
from bgad.data.registry import DATASETS
from bgad.errors import InputError


def refusal(data_root, name="widget") -> str:
    with pytest.raises(InputError) as caught:
        load_category(data_root, name)
    return str(caught.value)


def test_samples_are_named_sorted_and_paired(data_root):
    category = load_category(data_root, "widget")
    assert [sample.name for sample in category.train] == [
        f"train/good/{index:03d}.png" for index in range(3)
    ]
    assert [sample.name for sample in category.test] == [
        "test/crack/000.png",
        "test/crack/001.png",
        "test/good/000.png",
        "test/good/001.png",
        "test/hole/000.png",
    ]
    assert category.types == ("crack", "hole")
    assert category.samples == category.train + category.test
    assert [[path.name for path in sample.mask_paths] for sample in category.anomalies] == [
        ["000_mask.png"],
        ["001_mask.png"],
        ["000.png"],
    ]
    assert category.has_masks
    assert not any(sample.mask_paths for sample in category.train + category.test_normals)
    assert set(category.anomalies) | set(category.test_normals) == set(category.test)
    assert {(sample.split, sample.type) for sample in category.test_normals} == {("test", "good")}


def test_hidden_files_are_skipped_silently(data_root, category):
    expected = load_category(data_root, "widget")
    for folder in ("", "widget", "widget/test", "widget/test/crack", "widget/train/good"):
        (data_root / folder / ".DS_Store").write_bytes(b"\0")
        (data_root / folder / "._000.png").write_bytes(b"\0")
    (data_root / ".cache" / "train").mkdir(parents=True)
    (category / "test" / ".ipynb_checkpoints").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_category(data_root, "widget") == expected
    assert list_categories(data_root) == ("widget",)


def test_other_files_are_skipped_with_a_warning(data_root, category):
    expected = load_category(data_root, "widget")
    (category / "license.txt").touch()
    (category / "test" / "notes.txt").touch()
    (category / "test" / "crack" / "Thumbs.db").touch()
    with pytest.warns(UserWarning, match=r"crack.*Thumbs\.db"):
        assert load_category(data_root, "widget") == expected


def test_suffixes_in_any_case_and_masks_of_another_format(data_root, category, draw):
    crack = category / "test" / "crack"
    for index, suffix in enumerate((".JPG", ".jpeg", ".Bmp", ".PNG")):
        draw.image(crack / f"1{index}{suffix}", 40 + index)
        draw.mask(category / "ground_truth" / "crack" / f"1{index}_mask.bmp")
    names = [sample.name for sample in load_category(data_root, "widget").anomalies]
    assert names[2:6] == [
        "test/crack/10.JPG",
        "test/crack/11.jpeg",
        "test/crack/12.Bmp",
        "test/crack/13.PNG",
    ]


def test_spaces_and_unicode(data_root, category, draw):
    image = draw.image(category / "test" / "kratzer größe" / "bild 1 数.png", 50)
    mask = draw.mask(category / "ground_truth" / "kratzer größe" / "bild 1 数_mask.png")
    (category).rename(data_root / "ärmel 1")
    loaded = load_category(data_root, "ärmel 1")
    found = [sample for sample in loaded.anomalies if sample.type == "kratzer größe"]
    assert [(sample.name, *sample.mask_paths) for sample in found] == [
        (f"test/kratzer größe/{image.name}", data_root / "ärmel 1" / mask.relative_to(category))
    ]


def test_names_do_not_depend_on_unicode_form(data_root, category, draw):
    decomposed = unicodedata.normalize("NFD", "größe.png")
    draw.image(category / "train" / "good" / decomposed, 51)
    names = [sample.name for sample in load_category(data_root, "widget").train]
    assert "train/good/größe.png" in names
    draw.image(category / "train" / "good" / "größe.png", 52)
    assert "Unicode" in refusal(data_root)


def test_normal_masks_are_not_needed_and_not_used(data_root, category, draw):
    draw.mask(category / "ground_truth" / "good" / "000_mask.png")
    normals = load_category(data_root, "widget").test_normals
    assert not any(sample.mask_paths for sample in normals)
    assert normals[0].truth().shape == (12, 16) and not normals[0].truth(8).any()


def test_rotated_image_is_compared_as_displayed(data_root, category, draw):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = category / "test" / "crack" / "000.png"
    Image.open(image).save(image, exif=exif)
    assert "12x16" in refusal(data_root)
    draw.mask(category / "ground_truth" / "crack" / "000_mask.png", (16, 12))
    assert load_category(data_root, "widget").types == ("crack", "hole")


def test_links_inside_the_root_are_followed(data_root, category):
    for split in ("train", "test", "ground_truth"):
        shutil.copytree(category / split, data_root / "other" / split)
    image = data_root / "other" / "train" / "good" / "000.png"
    image.unlink()
    image.symlink_to(category / "train" / "good" / "001.png")
    assert len(load_category(data_root, "other").train) == 3


def test_a_linked_data_root_is_fine(data_root, tmp_path):
    (tmp_path / "link").symlink_to(data_root)
    assert len(load_category(tmp_path / "link", "widget").train) == 3


def test_labels_without_masks(data_root, category):
    shutil.rmtree(category / "ground_truth")
    loaded = load_category(data_root, "widget")
    assert len(loaded.anomalies) == 3 and not loaded.has_masks
    with pytest.raises(InputError, match=r"crack/000\.png: has no mask"):
        loaded.anomalies[0].truth()


def several_in_a_folder(folder, save):
    (folder / "000").mkdir()
    return [save(folder / "000" / name) for name in ("000.png", "b.png")]


def several_beside_each_other(folder, save):
    return [save(folder / f"000_{name}.png") for name in ("2", "mask_b")]


@pytest.mark.parametrize("several", [several_in_a_folder, several_beside_each_other])
def test_several_masks_of_one_image_are_joined(data_root, category, several):
    folder, joined = category / "ground_truth" / "crack", np.zeros((12, 16), bool)
    (folder / "000_mask.png").unlink()
    seen = iter(np.eye(2, dtype=bool))

    def save(path):
        mask = np.zeros((12, 16), bool)
        mask[3:5, 2:9] = next(seen)[0]
        mask[7:9, 2:9] = ~mask[3, 2]
        joined[:] |= mask
        Image.fromarray(mask).save(path)
        return path

    paths = several(folder, save)
    sample, other, _ = load_category(data_root, "widget").anomalies
    assert sorted(sample.mask_paths) == paths and joined.sum() == 28
    assert np.array_equal(sample.truth(), joined)
    assert other.mask_paths == (folder / "001_mask.png",)


def test_a_mask_belongs_to_the_longest_name_that_it_continues(data_root, category, draw):
    draw.image(category / "test/crack/000_1.png", 45)
    mask = draw.mask(category / "ground_truth/crack/000_1_mask.png")
    masks = {s.path.name: s.mask_paths for s in load_category(data_root, "widget").anomalies}
    assert masks["000_1.png"] == (mask,) and len(masks["000.png"]) == 1


@pytest.mark.parametrize("name", ["Good", "ok", "NORMAL", "good "])
def test_other_names_of_the_good_ones(data_root, category, name):
    for split in ("train", "test"):
        (category / split / "good").rename(category / split / name)
    loaded = load_category(data_root, "widget")
    assert len(loaded.train) == 3 and len(loaded.test_normals) == 2
    assert loaded.types == ("crack", "hole")


def test_plain_folders_are_a_category(data_root, draw):
    root = data_root / "plain"
    for index in range(11):
        draw.image(root / "OK" / f"{index}.webp", 100 + index)
    draw.image(root / "bad" / "x.tif", 200)
    assert list_categories(data_root) == ("plain", "widget")
    loaded = load_category(data_root, "plain")
    assert (len(loaded.train), len(loaded.test_normals), loaded.types) == (9, 2, ("bad",))
    assert not loaded.has_masks and loaded.anomalies[0].name == "bad/x.tif"
    draw.mask(root / "ground_truth" / "bad" / "x.png")
    assert load_category(data_root, "plain").has_masks
    tested = {sample.name for sample in loaded.test_normals}
    draw.image(root / "bad" / "y.tif", 201)
    draw.mask(root / "ground_truth" / "bad" / "y.png")
    assert {s.name for s in load_category(data_root, "plain").test_normals} == tested


def break_mask_missing(category, draw):
    (category / "ground_truth/crack/001_mask.png").unlink()
    return "test/crack/001.png", "no mask"


def break_masks_folder_missing(category, draw):
    shutil.rmtree(category / "ground_truth/crack")
    return "ground_truth/crack", "mask"


def break_masks_folder_empty(category, draw):
    for mask in (category / "ground_truth/crack").iterdir():
        mask.unlink()
    return "test/crack/000.png", "no mask"


def break_mask_ambiguous(category, draw):
    draw.mask(category / "ground_truth/crack/001.png")
    return "test/crack/001.png", "several masks"


def break_masks_shared(category, draw):
    draw.image(category / "test/crack/001.jpg", 44)
    return "test/crack/001.png", "suffix alone"


def break_mask_size(category, draw):
    draw.mask(category / "ground_truth/crack/001_mask.png", (12, 17))
    return "001_mask.png", "17x12"


def break_mask_bytes(category, draw):
    (category / "ground_truth/crack/001_mask.png").write_bytes(b"no image")
    return "001_mask.png", "cannot be read"


def break_image_empty(category, draw):
    (category / "train/good/001.png").write_bytes(b"")
    return "train/good/001.png", "empty"


def break_image_header(category, draw):
    path = category / "test/good/001.png"
    path.write_bytes(path.read_bytes()[:20])
    return "test/good/001.png", "cannot be read"


def break_train_missing(category, draw):
    shutil.rmtree(category / "train/good")
    return "train/good", "holds no image"


def break_train_empty(category, draw):
    for image in (category / "train/good").iterdir():
        image.unlink()
    return "train/good", "holds no image"


def break_train_anomalous(category, draw):
    draw.image(category / "train/crack/000.png", 60)
    return "train", "crack"


def break_test_missing(category, draw):
    shutil.rmtree(category / "test")
    return "test", "no images"


def break_type_empty(category, draw):
    (category / "test/dent").mkdir()
    (category / "ground_truth/dent").mkdir()
    return "test/dent", "holds no image"


def break_link_outside(category, draw):
    outside = draw.image(category.parents[1] / "outside.png", 70)
    (category / "train/good/009.png").symlink_to(outside)
    return "009.png", "link"


def break_folder_link_outside(category, draw):
    (category / "test/good").rename(category.parents[1] / "outside")
    (category / "test/good").symlink_to(category.parents[1] / "outside")
    return "test/good/000.png", "link"


def break_link_broken(category, draw):
    (category / "train/good/009.png").symlink_to("nowhere.png")
    return "009.png", "broken link"


def break_link_loop(category, draw):
    (category / "train/good/009.png").symlink_to("009.png")
    return "009.png", "broken link"


def break_fifo(category, draw):
    os.mkfifo(category / "train/good/009.png")
    return "009.png", "no regular file"


def break_folder_named_as_image(category, draw):
    (category / "train/good/009.png").mkdir()
    return "009.png", "no regular file"


def break_name_encoding(category, draw):
    (category / "train/good" / os.fsdecode(b"\xff.png")).touch()
    return "train/good", "Unicode"


BREAKS = [value for name, value in sorted(globals().items()) if name.startswith("break_")]


@pytest.mark.parametrize("damage", BREAKS, ids=lambda damage: damage.__name__)
def test_each_damage_is_refused_by_name(data_root, category, damage, draw):
    where, what = damage(category, draw)
    message = refusal(data_root)
    assert where in message and what in message
    assert message.isprintable()
    _, problems = scan_category(data_root, "widget")
    assert problems and message.startswith(problems[0])


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    damages=st.lists(st.sampled_from(BREAKS), max_size=4),
    name=st.one_of(st.binary(min_size=1, max_size=9), st.text(max_size=9).map(os.fsencode)),
)
def test_any_damage_is_read_or_refused(data_root, draw, tmp_path_factory, damages, name):
    root = tmp_path_factory.mktemp("fuzzed") / "data"
    shutil.copytree(data_root, root)
    with contextlib.suppress(OSError, ValueError):
        content = (root / "widget/train/good/000.png").read_bytes()
        (root / "widget/train/good" / os.fsdecode(name + b".png")).write_bytes(content)
    for damage in damages:
        with contextlib.suppress(OSError):
            damage(root / "widget", draw)
    try:
        category = load_category(root, "widget")
    except InputError as error:
        assert str(root) in str(error)
    else:
        assert not damages and len(category.fingerprint()) == 64


def test_further_problems_are_counted(data_root, category, draw):
    break_image_empty(category, draw)
    break_mask_size(category, draw)
    assert "(1 more" in refusal(data_root)
    assert len(scan_category(data_root, "widget")[1]) == 2


def test_unknown_category_lists_the_known_ones(data_root):
    for name in ("gadget", "..", "widget/train", ""):
        assert "widget" in refusal(data_root, name)


def test_missing_and_empty_data_root(tmp_path, data_root):
    with pytest.raises(InputError, match="no such folder"):
        list_categories(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="CATEGORY"):
        list_categories(tmp_path / "empty")
    with pytest.raises(InputError, match="parent"):
        list_categories(data_root / "widget")


def test_content_hashes_are_of_the_files_bytes(data_root):
    hashes = load_category(data_root, "widget").content_hashes()
    assert len(set(hashes.values())) == len(hashes) == 8
    shutil.copy(data_root / "widget/train/good/000.png", data_root / "widget/train/good/001.png")
    hashes = load_category(data_root, "widget").content_hashes()
    assert hashes["train/good/000.png"] == hashes["train/good/001.png"]


def test_fingerprint_follows_content_and_nothing_else(data_root, category, tmp_path, draw):
    def fingerprint(root=data_root):
        return load_category(root, "widget").fingerprint()

    original = fingerprint()
    shutil.copytree(data_root, tmp_path / "copy")
    (tmp_path / "copy" / "widget" / "readme.txt").touch()
    os.utime(category / "train/good/000.png", (0, 0))
    assert fingerprint() == fingerprint(tmp_path / "copy") == original

    mask = category / "ground_truth/crack/000_mask.png"
    mask.rename(mask.with_name("000.png"))
    assert fingerprint() == original
    mask.with_name("000.png").rename(mask)

    seen = {original}
    for change in (
        lambda: draw.image(category / "train/good/000.png", 80),
        lambda: draw.image(category / "train/good/003.png", 81),
        lambda: (category / "train/good/003.png").rename(category / "train/good/004.png"),
        lambda: (category / "train/good/001.png").unlink(),
        lambda: Image.new("L", (16, 12), 255).save(mask),
        lambda: (
            (category / "test/crack").rename(category / "test/tear")
            and (category / "ground_truth/crack").rename(category / "ground_truth/tear")
        ),
    ):
        change()
        seen.add(fingerprint())
    assert len(seen) == 7


@pytest.mark.real_data
def test_real_categories_have_the_official_counts(real_data_root):
    official = DATASETS["mvtec_ad"].counts
    names = [name for name in list_categories(real_data_root) if name in official]
    assert names
    for name in names:
        category = load_category(real_data_root, name)
        counts: dict[str, int] = {}
        for sample in category.samples:
            folder = f"{sample.split}/{sample.type}"
            counts[folder] = counts.get(folder, 0) + 1
        assert counts == official[name]


@pytest.mark.real_data
def test_real_category_is_read_and_hashed_within_a_second(real_data_root):
    start = time.process_time()
    load_category(real_data_root, "screw").fingerprint()
    assert time.process_time() - start < 1
