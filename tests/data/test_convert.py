"""Each layout, drawn small, becomes a data set in MVTec layout with the same images and truth."""

import csv
import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bgad.data.__main__ import main
from bgad.data.convert import LAYOUTS, convert
from bgad.data.folder import Category, list_categories, load_category
from bgad.errors import InputError

HALF = np.arange(12 * 16).reshape(12, 16) < 96


def save(path: Path, values: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path


def image(path: Path) -> Path:
    """Noise that no other path gives."""
    seed = int.from_bytes(hashlib.sha256(str(path).encode()).digest()[:4], "big")
    return save(path, np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8))


def visa(root: Path) -> dict[str, np.ndarray]:
    rows = []
    for name in ("candle", "pcb1"):
        for split, label, n in (("train", "normal", 3), ("test", "normal", 2)):
            folder = f"{name}/Data/Images/Normal"
            rows += [(name, split, label, f"{folder}/{split}{i}.JPG", "") for i in range(n)]
        for i in range(2):
            mask = f"{name}/Data/Masks/Anomaly/{i:03d}.png"
            save(root / mask, HALF.astype(np.uint8) * (i + 1))  # a number for each kind
            rows.append((name, "test", "anomaly", f"{name}/Data/Images/Anomaly/{i:03d}.JPG", mask))
    for row in rows:
        image(root / row[3])
    (root / "split_csv").mkdir()
    with (root / "split_csv/1cls.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("object", "split", "label", "image", "mask"), *rows])
    return {"bad/000": HALF, "bad/001": HALF}


def btad(root: Path) -> dict[str, np.ndarray]:
    for name, suffix, truth in (("01", "bmp", "png"), ("02", "png", "png"), ("03", "bmp", "bmp")):
        for i in range(3):
            image(root / f"{name}/train/ok/{i:04d}.{suffix}")
        for i in range(2):
            image(root / f"{name}/test/ok/{i:04d}.{suffix}")
            image(root / f"{name}/test/ko/{i:04d}.{suffix}")
            save(root / f"{name}/ground_truth/ko/{i:04d}.{truth}", HALF * np.uint8(255))
    return {"ko/0000": HALF, "ko/0001": HALF}


def mpdd(root: Path) -> dict[str, np.ndarray]:
    for name in ("connector", "tubes"):
        for i in range(3):
            image(root / f"{name}/train/good/{i:03d}.png")
        for i in range(2):
            image(root / f"{name}/test/good/{i:03d}.png")
            image(root / f"{name}/test/anomalous/{i:03d}.png")
            mask = root / f"{name}/ground_truth/anomalous/{i:03d}_mask.png"
            save(mask, HALF * np.uint8(255))
    return {"anomalous/000": HALF, "anomalous/001": HALF}


def loco(root: Path) -> dict[str, np.ndarray]:
    for name in ("pushpins", "screw_bag"):
        for i in range(3):
            image(root / f"{name}/train/good/{i:03d}.png")
            image(root / f"{name}/validation/good/{i:03d}.png")
        for i in range(2):
            image(root / f"{name}/test/good/{i:03d}.png")
        for kind in ("logical_anomalies", "structural_anomalies"):
            image(root / f"{name}/test/{kind}/000.png")
            truth = root / f"{name}/ground_truth/{kind}/000"
            save(truth / "000.png", (HALF & HALF[:, ::-1]) * np.uint8(255))
            save(truth / "001.png", ~HALF[::-1] * np.uint8(1))
        (root / name / "defects_config.json").touch()
    joined = (HALF & HALF[:, ::-1]) | ~HALF[::-1]
    return {"logical_anomalies/000": joined, "structural_anomalies/000": joined}


def kolektorsdd(root: Path) -> dict[str, np.ndarray]:
    for item, parts in (("kos01", 3), ("kos40", 1), ("kos41", 1), ("kos50", 2)):
        for part in range(parts):
            image(root / item / f"Part{part}.jpg")
            is_defective = (item, part) in (("kos01", 2), ("kos50", 1))
            save(root / item / f"Part{part}_label.bmp", HALF * np.uint8(is_defective))
    return {"defective/kos01_Part2": HALF, "defective/kos50_Part1": HALF}


DRAWN = {"visa": visa, "btad": btad, "mpdd": mpdd, "loco": loco, "kolektorsdd": kolektorsdd}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check(category: Category, truth: dict[str, np.ndarray], originals: set[str]) -> None:
    assert {digest(sample.path) for sample in category.samples} <= originals
    assert Counter((sample.split, sample.is_anomalous) for sample in category.samples) == {
        ("train", False): 3,
        ("test", False): 2,
        ("test", True): 2,
    }
    found = {f"{sample.type}/{sample.path.stem}": sample for sample in category.anomalies}
    assert found.keys() == truth.keys()
    for name, sample in found.items():
        (mask,) = sample.mask_paths
        assert np.array_equal(np.asarray(Image.open(mask)), truth[name] * np.uint8(255))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_keeps_images_splits_and_truth(tmp_path, layout, capsys):
    source, root = tmp_path / "source", tmp_path / "new" / "data"
    truth = DRAWN[layout](source)
    originals = {digest(path) for path in source.rglob("*.*") if path.is_file()}
    assert main(["convert", layout, "--source", str(source), "--root", str(root)]) == 0
    assert "cite" in capsys.readouterr().out
    for name in list_categories(root):
        check(load_category(root, name), truth, originals)
    assert [path.name for path in root.parent.iterdir()] == ["data"]


def test_the_good_parts_of_the_last_ten_items_are_tested(tmp_path):
    kolektorsdd(tmp_path / "source")
    category = load_category(
        convert("kolektorsdd", tmp_path / "source", tmp_path / "root"), "kolektorsdd"
    )
    assert {sample.path.stem for sample in category.test_normals} == {"kos41_Part0", "kos50_Part0"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_another_layout_is_refused_and_leaves_nothing(tmp_path, layout):
    source = tmp_path / "source"
    image(source / "pictures/a.jpg")
    with pytest.raises(InputError, match=str(source)):
        convert(layout, source, tmp_path / "root")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@pytest.mark.parametrize(
    "row",
    [
        "candle,train,normal,../outside.JPG,",
        "../candle,train,normal,a.JPG,",
        "candle,elsewhere,normal,a.JPG,",
        "candle,train,odd,a.JPG,",
        "candle,train,normal",
        "candle,train,normal,missing.JPG,",
    ],
)
def test_rows_that_lead_astray_are_refused(tmp_path, row):
    source = tmp_path / "source"
    image(source / "a.JPG")
    image(tmp_path / "outside.JPG")
    (source / "split_csv").mkdir()
    (source / "split_csv/1cls.csv").write_text(f"object,split,label,image,mask\n{row}\n")
    with pytest.raises(InputError, match=r"line 2|missing\.JPG"):
        convert("visa", source, tmp_path / "root")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside.JPG", "source"]


def test_a_folder_in_use_is_not_touched(tmp_path):
    kept = image(tmp_path / "root/a.png")
    mpdd(tmp_path / "source")
    with pytest.raises(InputError, match="not empty"):
        convert("mpdd", tmp_path / "source", tmp_path / "root")
    assert kept.is_file()
