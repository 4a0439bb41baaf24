"""BGAD: explicit boundary guided semi-push-pull contrastive learning for anomaly detection."""

from bgad.errors import InputError
from bgad.features import EncodedImages, FeatureCache
from bgad.model import BGAD

__all__ = ["BGAD", "EncodedImages", "FeatureCache", "InputError"]
