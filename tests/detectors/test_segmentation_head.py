"""What a supervised head sees of a known anomaly."""

import numpy as np
from PIL import Image

from bgad import SegmentationHead
from bgad.detectors.segmentation_head import orientations


def test_all_eight_are_different_and_masks_turn_with_images():
    image = np.arange(9).reshape(1, 3, 3)
    turned = orientations(image)
    assert len({turn.tobytes() for turn in turned}) == 8
    strip = orientations(np.arange(6).reshape(1, 2, 3))
    assert strip.shape == (4, 2, 3) and len({turn.tobytes() for turn in strip}) == 4
    both = orientations(np.stack([image, image], axis=-1))
    assert np.array_equal(both[..., 0], turned)


def test_masks_of_a_folder_are_told_by_name_not_by_order(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), np.uint8)
    masks = np.zeros((2, 64, 64), bool)
    masks[0, :32], masks[1, 32:, 32:] = True, True
    for name in ("bad", "masks"):
        (tmp_path / name).mkdir()
    names = "part.png", "part_1.png"
    mask_names = "part_mask.png", "part_1_mask.png"
    assert sorted(names) == list(names) and sorted(mask_names) != list(mask_names)
    for image, mask, name, mask_name in zip(images, masks, names, mask_names, strict=False):
        Image.fromarray(image).save(tmp_path / "bad" / name)
        Image.fromarray(mask).save(tmp_path / "masks" / mask_name)

    def learnt(*known):
        head = SegmentationHead(image_size=64, weights="random", steps=2)
        return head.fit(images[2:], *known).anomaly_maps(images)

    expected = learnt(images[:2], masks)
    assert np.array_equal(learnt(tmp_path / "bad", str(tmp_path / "masks")), expected)
    assert not np.array_equal(learnt(images[:2], masks[::-1]), expected)
