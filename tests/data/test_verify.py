"""`verify` finds each planted fault, names it, and finds none where there is none."""

import shutil

import numpy as np
import pytest
from PIL import Image

from bgad.data.__main__ import main
from bgad.data.verify import verify_category


def problems(data_root) -> str:
    return "\n".join(verify_category(data_root, "widget").problems)


def smooth(seed: int) -> Image.Image:
    """A photograph-like image: coarse structure that survives compression."""
    noise = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((128, 128), Image.Resampling.BICUBIC)


def test_clean_category_has_neither_problems_nor_notes(data_root):
    result = verify_category(data_root, "widget")
    assert result.problems == result.notes == ()
    assert [(count.folder, count.images, count.masks) for count in result.counts] == [
        ("train/good", 3, None),
        ("test/good", 2, None),
        ("test/crack", 2, 2),
        ("test/hole", 1, 1),
    ]
    assert all(count.official is None for count in result.counts)


def test_damage_behind_the_header_is_found(data_root, category):
    image = category / "train/good/001.png"
    image.write_bytes(image.read_bytes()[:-60])
    mask = category / "ground_truth/crack/000_mask.png"
    mask.write_bytes(mask.read_bytes()[:-30])
    result = verify_category(data_root, "widget")
    assert len(result.problems) == 2
    assert str(image) in result.problems[0] and str(mask) in result.problems[1]
    assert [count.masks for count in result.counts] == [None, None, 1, 1]


def test_every_fault_is_listed_at_once(data_root, category, draw):
    (category / "test/good/000.png").write_bytes(b"")
    (category / "ground_truth/crack/000_mask.png").unlink()
    draw.mask(category / "ground_truth/crack/001_mask.png", (3, 3))
    Image.new("L", (16, 12)).save(category / "ground_truth/hole/000.png")
    draw.mask(category / "ground_truth/hole/001_mask.png")
    shutil.copy(category / "train/good/002.png", category / "test/good/001.png")
    found = problems(data_root)
    assert found.count("\n") == 5
    for words in (
        ("test/good/000.png", "empty"),
        ("test/crack/000.png", "no mask"),
        ("001_mask.png", "3x3"),
        ("hole/000.png", "mask is empty"),
        ("hole/001_mask.png", "without an image"),
        ("train/good/002.png", "test/good/001.png", "same pixels"),
    ):
        assert any(all(word in line for word in words) for line in found.split("\n")), words


@pytest.mark.parametrize(
    "disguise",
    [
        lambda image, path: image.save(path.with_suffix(".jpg"), quality=50),
        lambda image, path: image.resize((100, 90)).save(path),
        lambda image, path: image.point(lambda value: min(255, round(1.03 * value))).save(path),
    ],
    ids=["compressed", "resized", "brighter"],
)
def test_near_duplicates_are_noted(data_root, category, disguise):
    for index in range(12):
        smooth(index).save(category / f"train/good/1{index:02d}.png")
    disguise(smooth(5), category / "test/good/copy.png")
    result = verify_category(data_root, "widget")
    assert result.problems == () and len(result.notes) == 1
    assert "train/good/105.png and test/good/copy" in result.notes[0]


def test_near_duplicates_within_training_are_not_noted(data_root, category):
    for index in range(12):
        smooth(index).save(category / f"train/good/1{index:02d}.png")
    smooth(5).save(category / "train/good/copy.jpg", quality=50)
    assert verify_category(data_root, "widget").notes == ()


def test_copies_are_found_by_their_pixels(data_root, category):
    with Image.open(category / "test/crack/000.png") as image:
        image.save(category / "train/good/saved_anew.bmp")
    assert "saved_anew.bmp and test/crack/000.png show the same pixels" in problems(data_root)


def test_copies_within_training_are_noted_alone(data_root, category):
    shutil.copy(category / "train/good/000.png", category / "train/good/copy.png")
    result = verify_category(data_root, "widget")
    assert result.problems == () and len(result.notes) == 1
    assert "train/good/000.png and train/good/copy.png" in result.notes[0]


def test_masks_worth_a_look_are_noted(data_root, category):
    def redraw(name, values):
        Image.fromarray(values).save(category / "ground_truth" / name)

    several = np.zeros((12, 16), np.uint8)
    several[2:4, 2:4], several[6:8, 6:8] = 80, 160
    redraw("crack/000_mask.png", several)
    redraw("crack/001_mask.png", np.uint8(255) * (several < 99))
    redraw("hole/000.png", np.uint8(255) * (np.arange(192).reshape(12, 16) == 0))
    several, inverted, speck = verify_category(data_root, "widget", image_size=6).notes
    assert "several values" in several and "test/crack/000.png (80, 160)" in several
    assert "more than half" in inverted and "test/crack/001.png" in inverted
    assert "no pixel left at 6 px" in speck and "test/hole/000.png" in speck


def test_marked_good_images_are_problems(data_root, category, draw):
    black = category / "ground_truth/good/000_mask.png"
    black.parent.mkdir()
    Image.new("L", (16, 12)).save(black)
    assert problems(data_root) == ""
    draw.mask(category / "ground_truth/good/001_mask.png")
    assert "good/001_mask.png: marks an anomaly" in problems(data_root)


def test_skipped_files_are_noted(data_root, category):
    (category / "test/crack/notes.txt").touch()
    result = verify_category(data_root, "widget")
    assert result.problems == () and "notes.txt" in result.notes[0]


def test_official_counts_are_held_against_mvtec_names(data_root, category):
    category.rename(data_root / "bottle")
    result = verify_category(data_root, "bottle")
    images = {count.folder: (count.images, count.official) for count in result.counts}
    assert images["train/good"] == (3, 209) and images["test/broken_large"] == (0, 20)
    assert images["test/crack"] == (2, 0)
    assert any("209" in problem for problem in result.problems)
    assert verify_category(data_root, "bottle", "my_parts").problems == ()


def test_counts_of_all_types_together_are_held_against_them_together(data_root, category):
    category.rename(data_root / "connector")
    result = verify_category(data_root, "connector", "mpdd")
    images = {count.folder: (count.images, count.official) for count in result.counts}
    assert images["test/*"] == (3, 14) and images["test/crack"] == (2, None)
    assert sum("MPDD" in problem for problem in result.problems) == 3


def test_exit_status_says_the_result(data_root, category, capsys):
    assert main(["verify", "--root", str(data_root)]) == 0
    assert "test/crack" in capsys.readouterr().out
    (category / "test/good/000.png").write_bytes(b"")
    assert main(["verify", "--root", str(data_root), "--categories", "widget"]) == 1
    assert str(category / "test/good/000.png") in capsys.readouterr().out
    (data_root / "bottle/train").mkdir(parents=True)
    assert main(["verify", "--root", str(data_root), "--categories", "bottle"]) == 1


def test_sessions_are_compared_where_asked(data_root, category, draw, capsys):
    def ask() -> str:
        command = ["verify", "--root", str(data_root), "--session", "--image-size", "32"]
        assert main(command) == 0
        return capsys.readouterr().out.split("sessions:")[1]

    assert "needs 5 training and 5 test normals, got 3 and 2" in ask()
    for index in range(5):
        draw.image(category / f"train/good/1{index}.png", 100 + index)
        smooth(index).save(category / f"test/good/1{index}.png")
    assert "may not hold" in ask()


@pytest.mark.parametrize("arguments", [["nowhere"], ["data", "--categories", "gadget"]])
def test_what_cannot_be_served_is_one_message(data_root, capsys, arguments):
    root, *options = arguments
    assert main(["verify", "--root", str(data_root.parent / root), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1


@pytest.mark.real_data
def test_real_data_verify(real_data_root, capsys):
    assert main(["verify", "--root", str(real_data_root), "--categories", "transistor"]) == 0
    assert "problems: none" in capsys.readouterr().out
