"""The synthetic stand-in: layout, exact masks, the same bytes everywhere."""

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bgad.data.synthetic import CATEGORIES, SYNTHETIC_VERSION, contact_sheet, ensure, generate
from bgad.data.synthetic import folder as folder_module
from bgad.data.synthetic.__main__ import main
from bgad.data.synthetic.catalogue import CATALOGUE
from bgad.data.synthetic.draws import Draws
from bgad.data.synthetic.noise import smooth
from bgad.data.synthetic.png import encode_png
from bgad.data.synthetic.render import SMALLEST, VISIBLE, render
from bgad.errors import InputError

MVTEC_TYPES = {
    "carpet": "color cut hole metal_contamination thread",
    "grid": "bent broken glue metal_contamination thread",
    "leather": "color cut fold glue poke",
    "tile": "crack glue_strip gray_stroke oil rough",
    "wood": "color combined hole liquid scratch",
    "bottle": "broken_large broken_small contamination",
    "cable": "bent_wire cable_swap combined cut_inner_insulation cut_outer_insulation "
    "missing_cable missing_wire poke_insulation",
    "capsule": "crack faulty_imprint poke scratch squeeze",
    "hazelnut": "crack cut hole print",
    "metal_nut": "bent color flip scratch",
    "pill": "color combined contamination crack faulty_imprint pill_type scratch",
    "screw": "manipulated_front scratch_head scratch_neck thread_side thread_top",
    "toothbrush": "defective",
    "transistor": "bent_lead cut_lead damaged_case misplaced",
    "zipper": "broken_teeth combined fabric_border fabric_interior rough split_teeth "
    "squeezed_teeth",
}
TYPES = [(c, d.name) for c, spec in CATALOGUE.items() for d in spec.defects]


@pytest.fixture
def tiny(monkeypatch):
    """A set of few images: what is under test is the folder, not how much is in it."""
    monkeypatch.setattr(folder_module, "TRAIN_NORMALS", 2)
    monkeypatch.setattr(folder_module, "TEST_NORMALS", 1)


def digests(root: Path) -> dict[str, str]:
    return {
        file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(root.rglob("*"))
        if file.is_file()
    }


def test_categories_and_types_are_those_of_mvtec_ad():
    assert {c: " ".join(d.name for d in CATALOGUE[c].defects) for c in CATEGORIES} == MVTEC_TYPES
    assert tuple(MVTEC_TYPES) == CATEGORIES


def test_every_type_leaves_an_anomaly_to_test_after_ten_shots():
    for category, spec in CATALOGUE.items():
        counts = [d.count for d in spec.defects]
        taken, known = 0, [0] * len(counts)
        while taken < 10:
            for place in range(len(counts)):
                if taken < 10 and known[place] < counts[place]:
                    known[place] += 1
                    taken += 1
        assert all(n > k for n, k in zip(counts, known, strict=True)), category
        assert 20 <= sum(counts) <= 30, category


@pytest.mark.parametrize(("category", "type_"), TYPES)
def test_mask_is_where_the_defect_changed_the_image(category, type_):
    image, mask, twin = render(category, "test", type_, 0)
    changed = (image != twin).reshape(256, 256, -1).any(axis=2)
    assert image.dtype == np.uint8 and mask.dtype == bool and mask.shape == (256, 256)
    assert not (changed & ~mask).any()
    assert mask.sum() >= SMALLEST
    # noise is the same in both, so inside the mask only closed gaps may be equal
    assert (changed & mask).sum() > 0.75 * mask.sum()
    assert abs(image.astype(int) - twin)[mask].max() >= VISIBLE - 1


@pytest.mark.parametrize("category", CATEGORIES)
def test_normals_vary_and_show_the_same_thing(category):
    first, second = (render(category, "train", "good", i)[0].astype(float) for i in (0, 1))
    assert (first != second).mean() > 0.5
    assert abs(first.mean() - second.mean()) < 25
    assert render(category, "test", "good", 0)[1].sum() == 0


@pytest.mark.parametrize("category", CATEGORIES)
def test_an_image_is_a_function_of_its_names(category):
    type_ = CATALOGUE[category].defects[-1].name
    once, again = render(category, "test", type_, 1), render(category, "test", type_, 1)
    for a, b in zip(once, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_same_bytes_without_the_processor_s_vector_instructions():
    pictures = (("cable", "bent_wire"), ("hazelnut", "crack"), ("grid", "bent"), ("screw", "good"))
    program = (
        "import sys; from bgad.data.synthetic.render import render\n"
        f"for category, type_ in {pictures}:\n"
        "    sys.stdout.buffer.write(render(category, 'test', type_, 0)[0].tobytes())"
    )
    plain = {
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512_SKX",
        "OPENBLAS_CORETYPE": "Prescott",
    }
    elsewhere = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={**os.environ, **plain},
        capture_output=True,
        check=True,
    ).stdout
    assert elsewhere == b"".join(render(c, "test", t, 0)[0].tobytes() for c, t in pictures)


def test_generated_folder_has_the_layout_of_mvtec_ad(tmp_path, tiny):
    root = generate(tmp_path / "data", ["toothbrush", "grid"])
    assert "synthetic stand-in" in (root / "README.txt").read_text()
    assert sorted(p.name for p in root.iterdir()) == ["README.txt", "grid", "toothbrush"]
    for category in ("toothbrush", "grid"):
        folder = root / category
        assert len(list((folder / "train" / "good").iterdir())) == 2
        assert len(list((folder / "test" / "good").iterdir())) == 1
        for defect in CATALOGUE[category].defects:
            images = sorted((folder / "test" / defect.name).iterdir())
            assert len(images) == defect.count
            for image in images:
                mask = folder / "ground_truth" / defect.name / f"{image.stem}_mask.png"
                pixels = np.array(Image.open(mask))
                assert Image.open(image).size == Image.open(mask).size == (256, 256)
                assert set(np.unique(pixels)) == {0, 255}


def test_same_bytes_twice(tmp_path, tiny):
    first = digests(generate(tmp_path / "a", ["screw"]))
    assert first == digests(generate(tmp_path / "b", ["screw"]))
    images = [name for name in first if name.startswith("screw/t")]
    assert len({first[name] for name in images}) == len(images)


def test_generate_refuses_what_it_cannot_do(tmp_path, tiny):
    with pytest.raises(InputError, match="unknown category 'spoon'"):
        generate(tmp_path, ["spoon"])
    generate(tmp_path, ["screw"])
    with pytest.raises(InputError, match="there already"):
        generate(tmp_path, ["screw"])


def test_ensure_makes_the_folder_once_and_whole(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(folder_module, "CATEGORIES", ("grid",))
    threads = [threading.Thread(target=ensure, args=(tmp_path,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    folder = ensure(tmp_path)
    assert folder.name == f"synthetic-stand-in-v{SYNTHETIC_VERSION}"
    assert list(tmp_path.iterdir()) == [folder]
    before = digests(folder)
    assert ensure(tmp_path) == folder and digests(folder) == before


def test_ensure_leaves_nothing_half_done(tmp_path, tiny, monkeypatch):
    def fails(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(folder_module, "render", fails)
    with pytest.raises(KeyboardInterrupt):
        ensure(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (256, 256, 3)])
def test_png_is_read_back_as_written(tmp_path, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    (tmp_path / "image.png").write_bytes(encode_png(image))
    with Image.open(tmp_path / "image.png") as file:
        np.testing.assert_array_equal(np.array(file), image)


def test_draws_depend_on_names_alone():
    parent = Draws("a", 1)
    before = parent.child("b").unit(4)
    parent.unit(10)
    np.testing.assert_array_equal(parent.child("b").unit(4), before)
    np.testing.assert_array_equal(Draws("a", 1, "b").unit(4), before)
    assert not np.array_equal(Draws("a", 1, "c").unit(4), before)


def test_noise_has_mean_zero_and_unit_std():
    white = Draws("white").white(300, 301)
    assert abs(white.mean()) < 0.02 and abs(white.std() - 1) < 0.02
    stds = [smooth(Draws("smooth", i), 9.0).std() for i in range(20)]
    assert 0.8 < np.mean(stds) < 1.2


def test_contact_sheet_shows_every_type(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr("bgad.data.synthetic.sheet.CATEGORIES", ("screw", "toothbrush"))
    root = generate(tmp_path / "data", ["screw", "toothbrush"])
    with Image.open(contact_sheet(root, tmp_path / "out" / "sheet.png")) as sheet:
        pixels = np.array(sheet)
    assert (pixels == (255, 0, 220)).all(axis=2).any()


def test_contact_sheet_command_says_what_is_missing(tmp_path, monkeypatch, capsys):
    sheet = tmp_path / "sheet.png"
    monkeypatch.setattr(
        sys, "argv", ["synthetic", "contact-sheet", str(sheet), "--root", str(tmp_path)]
    )
    with pytest.raises(SystemExit, match="2"):
        main()
    assert f"{tmp_path / 'carpet'} is missing" in capsys.readouterr().err
    assert not sheet.exists()


def test_pixels_are_those_of_this_version():
    pixels = hashlib.sha256()
    for category, spec in CATALOGUE.items():
        image, mask, _ = render(category, "test", spec.defects[0].name, 0)
        pixels.update(image.tobytes() + mask.tobytes())
    known = {3: "bc8e695a76a2585896c6361c4a34398e1855547e167e3d45519cb502f57e6e11"}
    assert known.get(SYNTHETIC_VERSION) == pixels.hexdigest(), (
        "the drawing changed: raise SYNTHETIC_VERSION and note the new digest here"
    )
