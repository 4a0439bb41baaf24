"""The synthetic stand-in: a data set in MVTec AD layout that is drawn, not photographed."""

from bgad.data.synthetic.folder import CATEGORIES, SYNTHETIC_VERSION, ensure, generate
from bgad.data.synthetic.sheet import contact_sheet

__all__ = ["CATEGORIES", "SYNTHETIC_VERSION", "contact_sheet", "ensure", "generate"]
