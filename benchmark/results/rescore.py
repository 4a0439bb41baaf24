"""Metrics once more, from the state that was saved beside a result."""

from benchmark.protocol.metrics import ImageState, State, figures
from benchmark.protocol.schema import TEST_SETS, Metrics, Result
from benchmark.results.store import Store
from bgad.metrics import PixelCurve

__all__ = ["curves", "rescore"]


def curves(store: Store, result: Result) -> dict[str, PixelCurve]:
    """Return the state behind a result's pixel metrics, by test set.

    Raises
    ------
    InputError
        See `Store.read_curves`.
    """
    arrays = store.read_curves(result)
    states = {
        test_set: {
            name.removeprefix(f"{test_set}_"): array
            for name, array in arrays.items()
            if name.startswith(f"{test_set}_")
        }
        for test_set in TEST_SETS
    }
    return {test_set: PixelCurve.from_state(state) for test_set, state in states.items()}


def rescore(store: Store, result: Result) -> Result:
    """Compute a result's metrics anew, without images, features or model.

    Those whose state an older result did not keep stay as they are, see `Result.lacking`.

    Raises
    ------
    InputError
        See `Store.read_curves`.
    """
    of_pixels, scores = curves(store, result), None
    if result.scores_sha256 is not None:
        scores = store.read_scores(result)
        scores = scores[scores["role"] == "test"]
    metrics = {}
    for test_set, curve in of_pixels.items():
        images = None
        if scores is not None:
            tested = scores[scores[test_set]]
            images = ImageState(*(tested[c].to_numpy() for c in ("score", "label", "aupimo")))
        anew = figures(State(images, curve, result.boundary_threshold))
        if result.boundary_threshold is None:
            del anew["pixel_f1_boundary"]
        metrics[test_set] = Metrics(**result.metrics[test_set].model_dump() | anew)
    return result.model_copy(update={"metrics": metrics})
