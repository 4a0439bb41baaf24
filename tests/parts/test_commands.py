"""From folders of drawn parts to verdicts, as a person types the commands."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from bgad import load
from bgad.__main__ import main
from bgad.parts.verdict import COLUMNS

SMALL = ["--set", "image_size=64", "weights=random", "backbone=tf_efficientnet_lite0"]


def part(seed, defect=False):
    """A grey disc of 90 x 70 pixels, with a bright square where it is defective."""
    noise = np.random.default_rng(seed).normal(0, 4, (70, 90))
    y, x = np.mgrid[:70, :90]
    image = np.where((x - 45) ** 2 + (y - 35) ** 2 < 900, 120, 30) + noise
    if defect:
        image[30:45, 40:58] = 250
    return Image.fromarray(np.repeat(image.clip(0, 255).astype(np.uint8)[..., None], 3, 2))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Good parts to learn from, known and other defective ones, and a fitted model."""
    folder = tmp_path_factory.mktemp("parts")
    for name in ("train", "known", "masks", "new/good", "new/dent"):
        (folder / name).mkdir(parents=True)
    for i in range(40):
        part(i).save(folder / f"train/{i:02d}.{('png', 'webp', 'tif')[i % 3]}")
    mask = np.zeros((70, 90), np.uint8)
    mask[30:45, 40:58] = 255
    for i in range(2):
        part(100 + i, defect=True).save(folder / f"known/{i}.png")
        Image.fromarray(mask).save(folder / f"masks/{i}_mask.png")
    for i in range(3):
        part(200 + i).save(folder / f"new/good/{i}.png")
        part(300 + i, defect=True).save(folder / f"new/dent/{i}.png")
    assert fit(folder) == 0
    return folder


def fit(root, *more, out="part.bgad", normal="train", method="patchcore"):
    """Fit on half of 40 good parts, the other half being held out, in a second."""
    arguments = ["--normal", root / normal, "--out", root / out, "--method", method]
    return main([*map(str, ["fit", *arguments, "--held-out", "0.5", *more]), *SMALL])


def predict(root, *images, out="verdicts", **options):
    """Judge images, and return exit status and rows."""
    places = [str(root / image) for image in images]
    status = main(["predict", str(root / "part.bgad"), *places, "--out", str(root / out)])
    with (root / out / "scores.csv").open(newline="") as file:
        return status, list(csv.DictReader(file))


def test_a_folder_with_truth(root, capsys):
    status, rows = predict(root, "new")
    assert status == 1
    assert tuple(rows[0]) == COLUMNS
    verdicts = {(row["truth"], row["verdict"]) for row in rows}
    assert verdicts == {("good", "good"), ("dent", "defective")}
    said = capsys.readouterr().out
    assert "6 images: 3 good, 3 defective." in said
    assert "False alarms: 0 of 3 good ones. Misses: 0 of 3 defective ones." in said


def test_the_box_lies_on_the_defect_in_pixels_of_the_original(root):
    _, rows = predict(root, "new/dent")
    for row in rows:
        assert row["truth"] == ""  # nothing beside it tells that the folder's name is a type
        left, top, width, height = (int(row[k]) for k in ("left", "top", "width", "height"))
        assert left <= 48 <= left + width <= 90
        assert top <= 37 <= top + height <= 70
        assert int(row["regions"]) >= 1


def test_verdicts_are_the_librarys(root):
    _, rows = predict(root, "new")
    said = load(root / "part.bgad").predict([row["file"] for row in rows])
    assert [float(row["score"]) for row in rows] == pytest.approx(said.scores, rel=1e-5)
    assert [row["verdict"] == "defective" for row in rows] == said.defective.tolist()


def test_good_images_alone_end_in_0(root):
    status, rows = predict(root, "new/good/0.png", "new/good/1.png")
    assert (status, len(rows)) == (0, 2)


def test_a_profile_names_method_and_parameters(root, capsys):
    profile = root / "mine.yaml"
    profile.write_text(
        "description: mine\nmethod: patchcore\nmodel: {coreset: 5e-2, neighbours: 3}\n"
    )
    arguments = ["--normal", root / "train", "--out", root / "mine.bgad", "--held-out", "0.5"]
    command = [*map(str, ["fit", "--profile", profile, *arguments]), *SMALL]
    assert main([*command, "neighbours=4"]) == 0
    parameters = load(root / "mine.bgad").get_params()
    assert (parameters["coreset"], parameters["neighbours"]) == (0.05, 4)
    for content, message in (
        ("base: cpu", "only the benchmark knows it"),
        ("model: [1]", "'model' hold names and values"),
        ("model: {coreset: 0.1, coreset: 0.2}", "coreset is given twice"),
        ("model: {corset: 0.1}", "corset"),
        ("method: patchcore\nmodle: {coreset: 0.1}", "'model' hold names and values"),
        ("method: patchcor\nmodel: {}", "unknown method 'patchcor'"),
    ):
        profile.write_text(content)
        assert main(command) == 2
        assert message in capsys.readouterr().err


def test_patterns(root):
    status, rows = predict(root, "new/*/1.png", "new/good/1.png")
    assert (status, len(rows)) == (1, 2)


def test_an_exported_model_gives_the_same_verdicts_without_torch(root):
    model, out = root / "part.onnx", root / "exported"
    assert main(["export", str(root / "part.bgad"), "--out", str(model)]) == 0
    arguments = ["predict", str(model), str(root / "new"), "--out", str(out)]
    code = (
        f"import sys; from bgad.__main__ import main; assert main({arguments}) == 1; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    with (out / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    expected = predict(root, "new")[1]
    for row, other in zip(rows, expected, strict=True):
        assert float(row.pop("score")) == pytest.approx(float(other.pop("score")), rel=1e-4)
        assert row == other


def test_a_broken_image_is_a_row(root):
    (root / "new/dent/9.png").write_bytes(b"no image")
    try:
        status, rows = predict(root, "new")
    finally:
        (root / "new/dent/9.png").unlink()
    assert (status, len(rows)) == (2, 7)
    broken = next(row for row in rows if row["file"].endswith("9.png"))
    assert broken["verdict"] == "unreadable"
    assert broken["score"] == ""
    assert "cannot be read" in broken["note"]
    assert "cannot be read" in (root / "verdicts/index.html").read_text()


def test_overlays_have_the_images_size(root):
    predict(root, "new", out="pictures")
    for path in (root / "pictures/overlays").rglob("*.jpg"):
        assert Image.open(path).size == (90, 70)
    assert (root / "pictures/overlays/dent/0.png.jpg").is_file()


def test_the_page_is_self_contained_and_ranks(root):
    predict(root, "new")
    page = (root / "verdicts/index.html").read_text()
    sources = re.findall(r'src="(.*?)"', page)
    assert len(sources) == 6
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert "http" not in page
    assert "$" not in page
    scores = [float(score) for score in re.findall(r"score ([-\d.e+]+),", page)]
    assert scores == sorted(scores, reverse=True)


def test_a_page_marks_misses_and_escapes_names(root):
    folder = root / "marks"
    (folder / "ok").mkdir(parents=True)
    (folder / "<b>").mkdir()
    part(400, defect=True).save(folder / "ok/0.png")
    part(401).save(folder / "<b>/0.png")
    _, rows = predict(root, "marks")
    assert {row["note"] for row in rows} == {"false alarm", "miss"}
    page = (root / "verdicts/index.html").read_text()
    assert "(false alarm)" in page
    assert "(miss)" in page
    assert "<b>" not in page


def test_masks_in_folders_are_joined(root, capsys):
    nested = root / "nested"
    (nested / "0").mkdir(parents=True)
    for name in ("0/a", "0/b", "1_left", "1_right"):
        Image.open(root / "masks/0_mask.png").save(nested / f"{name}.png")
    known = ["--anomalous", root / "known", "--masks", nested]
    heads = ["--set", "steps=2"]
    assert fit(root, *known, *heads, out="heads.bgad", method="segmentation_head") == 0
    said = capsys.readouterr().out
    assert "2 images (90 x 70 pixels) of defective parts" in said
    assert "4 masks" in said
    assert "predict --false-alarms 0.05 rejects at most 5.0%" in said


def test_labels_without_masks(root, capsys):
    known = ["--anomalous", root / "known"]
    assert fit(root, *known, method="bgad") == 2
    assert "--method devnet" in capsys.readouterr().err
    assert fit(root, *known, "--set", "steps=2", out="devnet.bgad", method="devnet") == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"normal": "nowhere"}, "no such folder"),
        ({"normal": "new"}, "holds no image"),
        ({"out": "nowhere/part.bgad"}, "in a folder that exists"),
        ({"more": ["--masks", "masks"]}, "give --anomalous"),
        ({"more": ["--anomalous", "known", "--masks", "new/dent/.."]}, "no mask for 0.png"),
        ({"more": ["--false-alarms", "0.01"]}, "take 99 normal images .* keeps 20 of 40"),
        ({"more": ["--set", "steps"]}, "expected NAME=VALUE"),
        ({"more": ["--set", "corset=0.1"]}, "did you mean coreset"),
    ],
)
def test_fit_refuses_in_one_line(root, capsys, monkeypatch, change, message):
    monkeypatch.chdir(root)
    assert fit(root, *change.pop("more", []), **change) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(message, error)


def test_files_that_are_no_images_are_passed_over_with_a_warning(root, capsys):
    (root / "mixed").mkdir()
    part(400).save(root / "mixed/0.png")
    part(401).save(root / "mixed/1.gif")
    assert len(predict(root, "mixed")[1]) == 1
    error = capsys.readouterr().err
    assert re.search(r"^warning: .*mixed: skipped 1 .* such as 1\.gif$", error, re.MULTILINE)


def test_its_own_pictures_are_no_parts(root, monkeypatch):
    monkeypatch.chdir(root)
    (root / "mine").mkdir()
    part(400).save(root / "mine/0.png")
    for _ in range(2):
        _, rows = predict(root, "mine", "mine/**/*.*g", out="mine")
        assert [Path(row["file"]).name for row in rows] == ["0.png"]


def test_a_name_that_is_no_unicode_is_judged(root):
    (root / "odd").mkdir()
    try:
        part(400).save(os.fsencode(root / "odd") + b"/\xff.png")
    except OSError:
        pytest.skip("names must be Unicode here")
    assert len(predict(root, "odd")[1]) == 1
    assert "overlays/%FF.png.jpg" in (root / "verdicts/index.html").read_text()


def test_a_model_is_written_whole_and_for_all_to_read(root):
    os.umask(mask := os.umask(0))
    assert (root / "part.bgad").stat().st_mode & 0o777 == 0o666 & ~mask
    assert not list(root.glob(".part.bgad*"))
    before = (root / "part.bgad").read_bytes()
    assert main(["export", str(root / "part.bgad"), "--out", str(root / "part.bgad")]) == 2
    assert (root / "part.bgad").read_bytes() == before


def test_weights_may_lie_elsewhere_than_in_fit(root, capsys):
    there, here = root / "there.pt", root / "here.pt"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(timm.create_model("tf_efficientnet_lite0").state_dict(), there)
    own = [SMALL[0], SMALL[1], f"weights={there}", SMALL[3], "--method", "patchcore"]
    model, out = str(root / "moved.bgad"), str(root / "moved")
    normal = ["--normal", str(root / "train"), "--held-out", "0.5"]
    assert main(["fit", *normal, "--out", model, *own]) == 0
    there.rename(here)
    judge = ["predict", model, str(root / "new"), "--out", out]
    assert main(judge) == 2
    assert "there.pt does not exist" in capsys.readouterr().err
    assert main([*judge, "--weights", str(here)]) == 1
    assert main(["export", model, "--out", str(root / "moved.onnx"), "--weights", str(here)]) == 0


def test_a_broken_image_to_learn_from_is_named(root, capsys):
    (root / "broken").mkdir()
    (root / "broken/0.png").write_bytes(b"no image")
    assert fit(root, normal="broken") == 2
    assert "broken/0.png" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "image", "more", "message"),
    [
        ("nowhere.bgad", "new", [], "it does not exist"),
        ("new/good/0.png", "new", [], "it is damaged"),
        ("nowhere.onnx", "new", [], "does not exist"),
        ("part.bgad", "nowhere", [], "no such file or folder"),
        ("part.bgad", "*.gif", [], "holds no image"),
        ("part.bgad", "new", ["--false-alarms", "0.001"], "take 999 normal images"),
        ("part.bgad", "new", ["--device", "abacus"], "device 'abacus' can't be used here"),
        ("part.bgad", "new", ["--weights", "nowhere.pt"], "nowhere.pt does not exist"),
    ],
)
def test_predict_refuses_in_one_line(root, capsys, model, image, more, message):
    arguments = [root / model, root / image, "--out", root / "refused", *more]
    assert main(["predict", *map(str, arguments)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert not (root / "refused").exists()


def test_help_says_what_is_written(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["predict", "--help"])
    assert "scores.csv" in capsys.readouterr().out
