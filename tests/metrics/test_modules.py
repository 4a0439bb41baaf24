"""The torchmetrics classes give what the whole test set gives, whatever batches and processes."""

import multiprocessing

import numpy as np
import pytest
import torch
from torchmetrics import MetricCollection

from bgad import InputError
from bgad.metrics import pixel_curve, pixel_metrics
from bgad.metrics.modules import AUPRO, PixelAUROC, PixelAveragePrecision, PixelF1Max

ALL = {
    "pixel_auroc": PixelAUROC,
    "pixel_ap": PixelAveragePrecision,
    "pixel_f1_max": PixelF1Max,
    "aupro_30": AUPRO,
}


def in_process(rank, store, maps, masks):
    """Figures that one of two processes returns: the first sees one image, the second the rest."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=2
    )
    mine = slice(0, 1) if rank == 0 else slice(1, None)
    metrics = AUPRO(), PixelAUROC()
    for metric in metrics:
        metric.update(torch.from_numpy(maps[mine]), torch.from_numpy(masks[mine]))
    return [metric.compute().item() for metric in metrics]


def drawn(n=6):
    rng = np.random.default_rng(0)
    masks = rng.random((n, 16, 16)) < 0.1
    masks[1] = False
    maps = np.round(rng.standard_normal(masks.shape) + masks, 1).astype(np.float32)
    return maps, masks


def expected(maps, masks):
    figures = pixel_metrics(pixel_curve(maps, masks))
    return {name: figures[name] for name in ALL}


def figures(metrics):
    return {name: value.item() for name, value in metrics.compute().items()}


@pytest.mark.parametrize("batch", [1, 4, 6])
def test_batches_give_what_all_images_give_at_once(batch):
    maps, masks = drawn()
    metrics = MetricCollection({name: make() for name, make in ALL.items()})
    for preds, target in zip(
        torch.from_numpy(maps).split(batch), torch.from_numpy(masks).split(batch), strict=True
    ):
        metrics.update(preds[:, None], target[:, None].int())
    assert figures(metrics) == pytest.approx(expected(maps, masks), abs=1e-6)
    assert len(metrics.compute_groups) == 1  # one state for all

    metrics.reset()
    metrics.update(torch.from_numpy(maps[:3]), torch.from_numpy(masks[:3]))
    assert figures(metrics) == pytest.approx(expected(maps[:3], masks[:3]), abs=1e-6)


def test_merged_states_are_those_of_all_images():
    maps, masks = map(torch.from_numpy, drawn())
    first, second, whole = AUPRO(0.1), AUPRO(0.1), AUPRO(0.1)
    first.update(maps[:2], masks[:2])
    second.update(maps[2:], masks[2:])
    whole.update(maps, masks)
    first.merge_state(second)
    assert first.compute() == whole.compute()


def test_two_processes_agree_on_the_figure_of_all_images(tmp_path):
    maps, masks = drawn()
    tasks = [(rank, tmp_path / "store", maps, masks) for rank in range(2)]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        results = pool.starmap_async(in_process, tasks, chunksize=1).get(timeout=120)
    whole = expected(maps, masks)
    for values in results:
        assert values == pytest.approx([whole["aupro_30"], whole["pixel_auroc"]], abs=1e-6)


def test_half_precision_is_taken_as_it_is():
    maps, masks = map(torch.from_numpy, drawn())
    metric = PixelAUROC()
    metric.update(maps.bfloat16(), masks)
    rounded = pixel_curve(maps.bfloat16().float().numpy(), masks.numpy())
    assert metric.compute().item() == pytest.approx(rounded.auroc(), abs=1e-6)


def test_undefined_is_nan():
    maps, masks = map(torch.from_numpy, drawn())
    for make in ALL.values():
        metric = make()
        metric.update(maps, torch.zeros_like(masks))
        assert metric.compute().isnan()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"preds": torch.zeros(2, 3, 8, 8)}, "preds must be"),
        ({"target": torch.zeros(8, 8)}, "target must be"),
        ({"target": torch.zeros(2, 8, 9)}, "alike"),
        ({"preds": torch.full((2, 8, 8), float("nan"))}, "NaN"),
    ],
)
def test_unusable_images_are_refused(change, message):
    images = {"preds": torch.zeros(2, 8, 8), "target": torch.zeros(2, 8, 8)} | change
    with pytest.raises(InputError, match=message):
        PixelAUROC().update(**images)
