"""BGAD: explicit boundary guided semi-push-pull contrastive learning for anomaly detection."""
