"""The fifteen categories as data: look, natural variation, anomaly types and how hard each is.

To make a type easier or harder, change its `severity`, the range within [0, 1] that each of its
images draws from (uniformly): 0 is barely visible, 1 is plain to see. What 0 and 1 mean is in the
`Span`s of its steps.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bgad.data.synthetic import objects, textures
from bgad.data.synthetic.defects import (
    Defect,
    OneOf,
    Span,
    Step,
    bend,
    blob,
    edit,
    nudge,
    overlay,
    replace,
    roughen,
    stroke,
)

__all__ = ["CATALOGUE", "Category"]


@dataclass(frozen=True)
class Category:
    """One category.

    Attributes
    ----------
    draw : callable
        Paints a canvas from the frame's coordinates and the parameters.
    fixed, vary : dict
        Parameters that all images share; ranges that each image draws its own value from.
    turn, shift, zoom : float
        Pose: largest rotation (degrees), shift (pixels) and relative change of size.
    light, tint, noise : float
        Largest relative change of brightness and of white balance; std of the sensor's noise in
        grey levels.
    """

    draw: Callable[..., None]
    defects: tuple[Defect, ...]
    fixed: dict[str, Any] = field(default_factory=dict)
    vary: dict[str, tuple[float, float]] = field(default_factory=dict)
    channels: int = 3
    turn: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    light: float = 0.04
    tint: float = 0.01
    noise: float = 2.0


SILVER, BLACK, WHITE = (205.0, 205.0, 210.0), (18.0, 16.0, 18.0), (240.0, 240.0, 238.0)
GREEN, BLUE, BROWN = (150.0, 165.0, 60.0), (52.0, 96.0, 160.0), (128.0, 84.0, 62.0)


def style(function: Callable[..., None], **usual: Any) -> Callable[..., Step]:
    """A maker of overlays on a region, with usual options that each use may change."""

    def make(region: str | None, **own: Any) -> Step:
        return overlay(function, region=region, **(usual | own))

    return make


# fmt: off
shiny = style(  # a small piece of metal
    blob, colour=SILVER, radius=Span(3, 11), contrast=Span(0.5, 1.0), roughness=0.6, texture=0.35,
    bulge=0.5, rim=0.4, rim_colour=40.0)
thread = style(  # lying on top
    stroke, length=Span(50, 170), width=Span(1.2, 2.6), contrast=Span(0.35, 1.0), curl=0.5,
    taper=False, shadow=0.25)
hole = style(  # dark, with a lit edge
    blob, colour=BLACK, radius=Span(2.5, 13), contrast=Span(0.5, 1.0), roughness=0.35, stretch=0.3,
    bulge=-0.6, rim=0.25)
stain = style(  # soaked into the surface
    blob, contrast=Span(0.25, 0.9), radius=Span(5, 24), multiply=True, softness=4.0, roughness=0.5)
crack = style(  # a jagged open line
    stroke, length=Span(20, 80), width=Span(1, 3.5), contrast=Span(0.45, 1.0), curl=0.15,
    jitter=0.9, rim=0.35)
scratch = style(  # a fine straight line
    stroke, colour=WHITE, length=Span(18, 70), width=Span(0.8, 2.6), contrast=Span(0.25, 0.9),
    curl=0.04)
torn = style(  # the texture in disorder
    roughen, radius=Span(7, 20), contrast=Span(0.6, 1.0), shift=5.0)
# fmt: on


def either(*steps) -> OneOf:
    """One of single steps."""
    return OneOf(tuple((step,) for step in steps))


EASY, MEDIUM, HARD = (0.3, 1.0), (0.15, 0.85), (0.0, 0.6)

CATALOGUE: dict[str, Category] = {
    "carpet": Category(
        draw=textures.carpet,
        fixed={"dark": (88, 80, 78), "bright": (176, 168, 162)},
        vary={"period": (6.6, 7.0)},
        turn=3, shift=10, light=0.08,
        defects=(
            Defect("color", 5, MEDIUM, (
                either(
                    stain(None, colour=(215, 90, 120)),
                    stain(None, colour=(110, 120, 205)),
                    stain(None, colour=(120, 100, 90)),
                ),)),
            Defect("cut", 5, MEDIUM, (
                overlay(stroke, region=None, colour=(52, 46, 45), length=Span(25, 80),
                        width=Span(1.5, 5), contrast=Span(0.4, 1), curl=0.08, jitter=0.25,
                        rim=0.3),)),
            Defect("hole", 5, MEDIUM, (hole(None, colour=(45, 40, 40), radius=Span(3, 15)),)),
            Defect("metal_contamination", 5, MEDIUM, (shiny(None),)),
            Defect("thread", 5, MEDIUM, (thread(None, colour=(205, 200, 196)),)),
        ),
    ),
    "grid": Category(
        draw=textures.grid, channels=1,
        fixed={"ground": 62.0, "metal": 165.0, "wire": 3.2, "pitch_x": 22.0, "pitch_y": 26.0},
        turn=3, shift=25, zoom=0.02, light=0.08, noise=2.5,
        defects=(
            Defect("bent", 5, MEDIUM, (
                edit(bend, centres=((0, 0),), spread=(85, 85), radius=Span(22, 48),
                     shift=(7, 5)),)),
            Defect("broken", 5, MEDIUM, (
                overlay(blob, region=None, colour=62.0, radius=Span(4, 16),
                        contrast=Span(0.6, 1), roughness=0.4),)),
            Defect("glue", 5, MEDIUM, (
                overlay(blob, region=None, colour=205.0, radius=Span(6, 22),
                        contrast=Span(0.2, 0.75), roughness=0.5, softness=3, bulge=0.5),)),
            Defect("metal_contamination", 5, MEDIUM, (shiny(None, radius=Span(4, 12)),)),
            Defect("thread", 5, MEDIUM, (thread(None, colour=215.0),)),
        ),
    ),
    "leather": Category(
        draw=textures.leather,
        fixed={"colour": (132, 84, 62)},
        vary={"grain": (5.0, 5.4)},
        light=0.07,
        defects=(
            Defect("color", 5, MEDIUM, (
                either(
                    stain(None, colour=(200, 90, 90), contrast=Span(0.2, 0.8), radius=Span(4, 18)),
                    stain(None, colour=(120, 130, 190), contrast=Span(0.2, 0.8), radius=Span(4,
                        18)),
                ),)),
            Defect("cut", 5, MEDIUM, (
                overlay(stroke, region=None, colour=(58, 32, 24), length=Span(15, 55),
                        width=Span(1.2, 3.2), contrast=Span(0.35, 1), rim=0.35),)),
            Defect("fold", 5, MEDIUM, (
                overlay(stroke, region=None, colour=(186, 132, 104), length=Span(60, 170),
                        width=Span(3, 6), contrast=Span(0.2, 0.7), softness=4, shadow=0.3),)),
            Defect("glue", 5, MEDIUM, (
                overlay(blob, region=None, colour=(205, 180, 160), radius=Span(5, 17),
                        contrast=Span(0.2, 0.75), roughness=0.5, softness=3, bulge=0.7),)),
            Defect("poke", 5, MEDIUM, (hole(None, colour=(60, 34, 26), radius=Span(1.8, 5.5),
                rim=0.4),)),
        ),
    ),
    "tile": Category(
        draw=textures.tile,
        fixed={"pale": (208, 205, 200), "grey": (172, 170, 168), "fleck": (46, 44, 46)},
        light=0.05,
        defects=(
            Defect("crack", 5, MEDIUM, (
                overlay(stroke, region=None, colour=(35, 33, 34), length=Span(60, 240),
                        width=Span(1.0, 2.8), contrast=Span(0.5, 1), curl=0.25, jitter=0.5,
                        taper=False, rim=0.3, count=2),)),
            Defect("glue_strip", 5, MEDIUM, (
                overlay(stroke, region=None, colour=(226, 222, 196), length=Span(70, 170),
                        width=Span(12, 30), contrast=Span(0.25, 0.8), curl=0.0, taper=False,
                        softness=3, rim=0.4),)),
            Defect("gray_stroke", 5, MEDIUM, (
                overlay(stroke, region=None, colour=(120, 119, 120), length=Span(60, 160),
                        width=Span(6, 16), contrast=Span(0.3, 0.85), curl=0.03, softness=5),)),
            Defect("oil", 5, MEDIUM, (
                stain(None, colour=(176, 165, 140), contrast=Span(0.3, 0.95), radius=Span(12,
                    40)),)),
            Defect("rough", 5, MEDIUM, (
                overlay(roughen, region=None, radius=Span(12, 44), contrast=Span(0.5, 1),
                        shift=6, lift=0.12),)),
        ),
    ),
    "wood": Category(
        draw=textures.wood,
        fixed={"bright": (206, 164, 116), "dark": (142, 96, 58), "pore": (84, 52, 32)},
        light=0.07, tint=0.02,
        defects=(
            Defect("color", 5, MEDIUM, (
                either(
                    stain(None, colour=(120, 170, 235), contrast=Span(0.2, 0.9)),
                    stain(None, colour=(225, 100, 100), contrast=Span(0.2, 0.9)),
                    stain(None, colour=(110, 190, 120), contrast=Span(0.2, 0.9)),
                ),)),
            Defect("combined", 5, MEDIUM, (
                hole(None, colour=(52, 32, 20), radius=Span(3, 8)), scratch(None, colour=(238,
                    206, 168)),
                stain(None, colour=(150, 130, 110), contrast=Span(0.2, 0.8)))),
            Defect("hole", 5, MEDIUM, (hole(None, colour=(46, 28, 18), radius=Span(2.5, 9)),)),
            Defect("liquid", 5, MEDIUM, (
                stain(None, colour=(196, 178, 160), contrast=Span(0.25, 0.95), radius=Span(9, 30),
                    stretch=0.2),)),
            Defect("scratch", 5, MEDIUM, (
                scratch(None, colour=(240, 210, 172), length=Span(40, 150), count=2),)),
        ),
    ),
    "bottle": Category(
        draw=objects.bottle,
        fixed={
            "profile": (
                (0, 42, 41, 51), (30, 37, 37, 48), (50, 33, 33, 46), (54, 44, 40, 48),
                (57, 62, 60, 66), (60, 46, 48, 59), (68, 48, 50, 60), (72, 70, 76, 82),
                (78, 68, 69, 79), (83, 62, 63, 73), (88, 92, 84, 84), (91, 84, 82, 86),
                (94, 62, 63, 73), (97, 66, 68, 78), (100, 106, 103, 106), (102, 96, 94, 99),
                (105, 62, 63, 73), (109, 54, 56, 68), (112, 92, 97, 102), (116, 250, 251, 250),
                (190, 254, 254, 253),
            ),
            "glints": (
                (88, 1.2, (208, 128, 78), 0.9), (91.5, 0.6, (214, 160, 120), 0.5),
                (76, 0.7, (120, 140, 146), 0.5), (72, 0.6, (150, 170, 172), 0.6),
                (101, 1.2, (160, 156, 156), 0.5), (54, 0.5, (96, 62, 48), 0.8),
            ),
        },
        vary={"turn": (0, 6.28)},
        shift=1.5, zoom=0.006, noise=1.2,
        defects=(
            Defect("broken_large", 8, MEDIUM, (
                overlay(blob, region="lip", colour=(50, 49, 57), radius=Span(11, 30),
                        contrast=Span(0.7, 1), roughness=0.7, texture=0.35, cell=9, bulge=0.5,
                        rim=0.35, rim_colour=(190, 184, 160)),
                overlay(blob, region="lip", colour=(205, 196, 168), radius=Span(2, 5),
                        contrast=Span(0.4, 1), roughness=0.9, texture=0.4),)),
            Defect("broken_small", 8, MEDIUM, (
                overlay(blob, region="lip", colour=(64, 63, 68), radius=Span(3, 10),
                        contrast=Span(0.6, 1), roughness=0.7, texture=0.45, cell=4, bulge=0.5,
                        rim=0.6, rim_colour=(214, 196, 150)),)),
            Defect("contamination", 8, MEDIUM, (
                overlay(blob, region="inside", colour=(98, 96, 98), radius=Span(6, 34),
                        contrast=Span(0.2, 0.75), roughness=0.6, texture=0.2, softness=2.5),)),
        ),
    ),
    "cable": Category(
        draw=objects.cable,
        fixed={
            "ground": (66, 64, 62), "gap": (40, 34, 30), "copper": (204, 134, 92),
            "sheath": ((0, 150, 148, 142), (97, 150, 148, 142), (100, 96, 94, 90),
                       (103, 172, 170, 164), (108, 206, 204, 198), (114, 176, 173, 168)),
            "places": (-1.5708, 0.5236, 2.618),
            "wires": (GREEN, BLUE, BROWN),
        },
        vary={"twist_0": (0, 3.1), "twist_1": (0, 3.1), "twist_2": (0, 3.1)},
        turn=4, shift=2.5, light=0.05,
        defects=(
            Defect("bent_wire", 3, MEDIUM, (
                overlay(stroke, region="bundle", colour=(232, 172, 128), length=Span(14, 46),
                        width=Span(3.5, 6.5), contrast=Span(0.6, 1), curl=0.25, taper=False,
                        shadow=0.5, rim=0.3),)),
            Defect("cable_swap", 3, MEDIUM, (
                edit(replace, key="wires", options=(
                    (BLUE, GREEN, BROWN), (GREEN, BLUE, BLUE), (GREEN, GREEN, BROWN))),)),
            Defect("combined", 3, MEDIUM, (
                hole("bundle", colour=(30, 24, 20), radius=Span(4, 10), rim=0.1),
                overlay(blob, region="insulation", colour=(46, 40, 36), radius=Span(4, 10),
                        contrast=Span(0.6, 1), roughness=0.6, rim=0.3))),
            Defect("cut_inner_insulation", 3, MEDIUM, (
                overlay(blob, region="insulation", colour=(46, 40, 36), radius=Span(3, 11),
                        contrast=Span(0.5, 1), roughness=0.5, rim=0.3),)),
            Defect("cut_outer_insulation", 3, MEDIUM, (
                overlay(blob, region="sheath", colour=(72, 70, 66), radius=Span(4, 14),
                        contrast=Span(0.6, 1), roughness=0.5, rim=0.3),)),
            Defect("missing_cable", 3, MEDIUM, (
                edit(replace, key="wires", options=(
                    (None, BLUE, BROWN), (GREEN, None, BROWN), (GREEN, BLUE, None))),)),
            Defect("missing_wire", 3, MEDIUM, (hole("bundle", colour=(32, 26, 22), radius=Span(4,
                12), rim=0.1),)),
            Defect("poke_insulation", 3, MEDIUM, (
                hole("insulation", colour=(34, 28, 26), radius=Span(1.8, 5), rim=0.5),)),
        ),
    ),
    "capsule": Category(
        draw=objects.capsule,
        fixed={
            "ground": (222, 224, 224), "front": (40, 38, 40), "back": (226, 92, 40), "ink": 236.0,
            "mark_ink": 196.0, "imprint": "500", "mark": "IIFI",
        },
        vary={"seam": (-7, -3), "imprint_x": (-4, 4), "imprint_y": (-3, 3)},
        turn=3, shift=3, zoom=0.01, light=0.05,
        defects=(
            Defect("crack", 5, MEDIUM, (crack("shell", colour=(250, 236, 224), length=Span(16, 60),
                      width=Span(1, 3)),)),
            Defect("faulty_imprint", 5, MEDIUM, (
                OneOf((
                    (edit(replace, key="imprint", options=("5 0", "50 ", " 00", "05")),),
                    (edit(nudge, keys=("imprint_x", "imprint_y"), by=Span(7, 15)),),
                    (overlay(blob, region="imprint", colour=(190, 76, 34), radius=Span(5, 13),
                             contrast=Span(0.5, 0.95), roughness=0.6),),
                )),)),
            Defect("poke", 5, MEDIUM, (
                overlay(blob, region="shell", colour=(30, 24, 22), radius=Span(2, 5.5),
                        contrast=Span(0.4, 0.95), bulge=-0.9, rim=0.7, roughness=0.3),)),
            Defect("scratch", 5, MEDIUM, (scratch("shell", count=2, contrast=Span(0.2, 0.8)),)),
            Defect("squeeze", 5, MEDIUM, (
                edit(bend, centres=((-60, 36), (60, 36), (-60, -36), (60, -36), (0, 38)),
                     spread=(22, 3), radius=Span(24, 44), shift=(2, 9)),)),
        ),
    ),
    "hazelnut": Category(
        draw=objects.hazelnut,
        fixed={"ground": (14, 12, 12), "shell": (176, 116, 64), "base": (196, 164, 124),
               "rim": (90, 58, 36)},
        vary={"length": (92, 100), "width": (80, 88)},
        turn=180, shift=5, light=0.09, tint=0.03,
        defects=(
            Defect("crack", 6, MEDIUM, (
                crack("nut", colour=(34, 20, 12), length=Span(35, 110),
                      width=Span(1.5, 7)),)),
            Defect("cut", 6, MEDIUM, (
                scratch("nut", colour=(226, 190, 146), contrast=Span(0.3, 0.95), width=Span(1.5, 6),
                        length=Span(14, 50)),)),
            Defect("hole", 6, MEDIUM, (
                overlay(blob, region="nut", colour=(20, 12, 8), radius=Span(2.5, 8),
                        contrast=Span(0.6, 1), roughness=0.15, stretch=0.15, rim=0.6,
                        rim_colour=(216, 176, 130)),)),
            Defect("print", 6, MEDIUM, (
                overlay(stroke, region="nut", colour=(226, 222, 214), length=Span(14, 50),
                        width=Span(2.5, 6), contrast=Span(0.25, 0.85), curl=1.1, taper=False,
                        softness=2.0),)),
        ),
    ),
    "metal_nut": Category(
        draw=objects.metal_nut,
        fixed={
            "ground": (16, 15, 17), "metal": (176, 168, 152), "groove": (58, 54, 50),
            "flipped": False,
            "face": ((62, 1.6, (92, 86, 78), 0.7), (58, 1.0, (226, 218, 200), 0.6),
                     (46, 2.2, (120, 113, 102), 0.6)),
            "face_flipped": ((74, 1.2, (104, 98, 90), 0.5), (50, 4.0, (206, 198, 182), 0.5)),
        },
        turn=25, shift=3, light=0.09, tint=0.02, noise=2.2,
        defects=(
            Defect("bent", 6, MEDIUM, (
                edit(bend, centres=((98, 6), (-98, -6), (-6, 98), (6, -98)), spread=(3, 3),
                     radius=Span(22, 38), shift=(8, 8)),)),
            Defect("color", 6, MEDIUM, (
                either(
                    stain("nut", colour=(110, 130, 215), contrast=Span(0.3, 0.95), radius=Span(5,
                        17)),
                    stain("nut", colour=(215, 90, 80), contrast=Span(0.3, 0.95), radius=Span(5,
                        17)),
                    stain("nut", colour=(70, 68, 66), contrast=Span(0.3, 0.95), radius=Span(5, 17)),
                ),)),
            Defect("flip", 6, MEDIUM, (edit(replace, key="flipped", options=(True,)),)),
            Defect("scratch", 6, MEDIUM, (
                scratch("nut", colour=(240, 234, 220), length=Span(18, 60), count=2),)),
        ),
    ),
    "pill": Category(
        draw=objects.pill,
        fixed={"ground": (14, 13, 26), "body": (226, 223, 214), "speck": (150, 52, 58),
               "spot": (150, 140, 140), "imprint": "FF", "depth": 0.16},
        vary={"imprint_x": (-1.5, 1.5), "imprint_y": (-1.5, 1.5)},
        turn=2, shift=2, zoom=0.012, light=0.05, noise=1.8,
        defects=(
            Defect("color", 4, MEDIUM, (
                either(
                    stain("pill", colour=(240, 226, 120), contrast=Span(0.25, 0.9), radius=Span(4,
                        15)),
                    stain("pill", colour=(240, 130, 130), contrast=Span(0.25, 0.9), radius=Span(4,
                        15)),
                ),)),
            Defect("combined", 4, MEDIUM, (
                stain("pill", colour=(240, 226, 120), contrast=Span(0.25, 0.9), radius=Span(4, 14)),
                scratch("pill", colour=(250, 250, 246), rim=0.0, shadow=0.4))),
            Defect("contamination", 4, MEDIUM, (
                overlay(blob, region="pill", colour=(62, 58, 56), radius=Span(1.5, 6),
                        contrast=Span(0.3, 0.9), roughness=0.9, texture=0.3, count=3),)),
            Defect("crack", 4, MEDIUM, (
                overlay(stroke, region="edge", colour=(112, 106, 104), length=Span(16, 60),
                        width=Span(1.2, 4), contrast=Span(0.35, 0.95), curl=0.2, jitter=0.7,
                        rim=0.5),)),
            Defect("faulty_imprint", 4, MEDIUM, (
                OneOf((
                    (edit(replace, key="imprint", options=("F ", " F", "FI", "EF", "FE", "LF")),),
                    (overlay(roughen, region="imprint", radius=Span(9, 20),
                             contrast=Span(0.7, 1), shift=5),),
                )),)),
            Defect("pill_type", 4, MEDIUM, (
                edit(replace, key="speck", options=((188, 160, 40), (70, 110, 150))),)),
            Defect("scratch", 4, MEDIUM, (scratch("pill", colour=(252, 252, 250), shadow=0.35),)),
        ),
    ),
    "screw": Category(
        draw=objects.screw, channels=1,
        fixed={"ground": 192.0, "metal": 122.0, "recess": 48.0, "depth": 9.0},
        vary={"turn": (0, 1)},
        turn=180, shift=6, zoom=0.01, light=0.04, noise=1.6,
        defects=(
            Defect("manipulated_front", 5, MEDIUM, (
                edit(bend, centres=((89, 0),), spread=(2, 1), radius=Span(18, 32), shift=(3, 9)),)),
            Defect("scratch_head", 5, MEDIUM, (
                scratch("head", colour=228.0, contrast=Span(0.35, 0.95), length=Span(8, 26)),)),
            Defect("scratch_neck", 5, MEDIUM, (
                scratch("neck", colour=226.0, contrast=Span(0.35, 0.95), length=Span(8, 28)),)),
            Defect("thread_side", 5, MEDIUM, (
                edit(bend, centres=tuple((x, s * 15) for x in (5, 25, 45, 60) for s in (-1, 1)),
                     spread=(6, 1), radius=Span(7, 14), shift=(2, 5)),)),
            Defect("thread_top", 5, MEDIUM, (
                overlay(roughen, region="thread", radius=Span(3, 9), contrast=Span(0.6, 1),
                        shift=5, lift=0.15),)),
        ),
    ),
    "toothbrush": Category(
        draw=objects.toothbrush,
        fixed={"ground": (34, 33, 36), "body": (188, 196, 206), "inner": (226, 228, 232),
               "outer": (66, 112, 190)},
        turn=1.5, shift=2, light=0.06, tint=0.03,
        defects=(
            Defect("defective", 24, MEDIUM, (
                OneOf((
                    (edit(bend, centres=((0, 0),), spread=(32, 70), radius=Span(14, 34),
                          shift=(8, 6)),),
                    (overlay(stroke, region="bristles", colour=(208, 212, 222),
                             length=Span(24, 70), width=Span(1.2, 3), contrast=Span(0.5, 1),
                             curl=0.25, taper=False, shadow=0.5),),
                    (overlay(blob, region="bristles", colour=(40, 42, 50), radius=Span(4, 12),
                             contrast=Span(0.5, 0.95), roughness=0.5, texture=0.4),),
                    (overlay(roughen, region="bristles", radius=Span(8, 22),
                             contrast=Span(0.6, 1), shift=7),),
                )),)),
        ),
    ),
    "transistor": Category(
        draw=objects.transistor,
        fixed={"copper": (176, 116, 98), "gap": (58, 42, 34), "hole": (30, 24, 26),
               "rim": (206, 146, 122), "lead": 176.0, "case": (34, 30, 30), "turn": 0.0}
        | {f"{key}_{lead}": 0.0 for key in ("bend", "cut") for lead in range(3)},
        vary={"board_x": (-4, 4), "board_y": (-5, 5), "body_x": (-4, 4), "body_y": (-44, -36),
              "sheen": (-26, 26)},
        light=0.06, tint=0.02, noise=2.2,
        defects=(
            Defect("bent_lead", 6, MEDIUM, (
                edit(nudge, keys=("bend_0", "bend_1", "bend_2"), by=Span(7, 30)),)),
            Defect("cut_lead", 6, MEDIUM, (
                edit(nudge, keys=("cut_0", "cut_1", "cut_2"), by=Span(10, 50), both=False),)),
            Defect("damaged_case", 6, MEDIUM, (
                overlay(blob, region="rim", colour=(104, 96, 88), radius=Span(3, 13),
                        contrast=Span(0.4, 0.95), roughness=0.8, texture=0.4, bulge=0.5),)),
            Defect("misplaced", 6, MEDIUM, (
                OneOf((
                    (edit(nudge, keys=("turn",), by=Span(6, 40)),
                     edit(nudge, keys=("body_x",), by=Span(4, 30))),
                    (edit(nudge, keys=("body_x", "body_y"), by=Span(14, 70)),),
                )),)),
        ),
    ),
    "zipper": Category(
        draw=objects.zipper, channels=1,
        fixed={"ground": 178.0, "cloth": 52.0, "cord": 62.0, "gap": 30.0, "teeth": 132.0,
               "tape": 92.0},
        vary={"phase": (0, 1)},
        turn=1, shift=2, light=0.05, noise=1.8,
        defects=(
            Defect("broken_teeth", 4, MEDIUM, (
                overlay(blob, region="teeth", colour=28.0, radius=Span(3, 10),
                        contrast=Span(0.6, 1), roughness=0.5),)),
            Defect("combined", 4, MEDIUM, (
                overlay(roughen, region="interior", radius=Span(8, 18), contrast=Span(0.6, 1),
                        shift=5, lift=0.25),
                overlay(blob, region="teeth", colour=28.0, radius=Span(3, 9),
                        contrast=Span(0.6, 1), roughness=0.5))),
            Defect("fabric_border", 4, MEDIUM, (
                overlay(roughen, region="border", radius=Span(7, 18), contrast=Span(0.6, 1),
                        shift=8, lift=0.1),)),
            Defect("fabric_interior", 4, MEDIUM, (
                overlay(roughen, region="interior", radius=Span(7, 20), contrast=Span(0.6, 1),
                        shift=5, lift=0.25),)),
            Defect("rough", 4, MEDIUM, (
                overlay(roughen, region="teeth", radius=Span(7, 20), contrast=Span(0.6, 1),
                        shift=4),)),
            Defect("split_teeth", 4, MEDIUM, (
                edit(bend, centres=((-12, 0), (12, 0)), spread=(2, 90), radius=Span(22, 44),
                     shift=(8, 0)),)),
            Defect("squeezed_teeth", 4, MEDIUM, (
                edit(bend, centres=((0, 0),), spread=(4, 90), radius=Span(18, 36),
                     shift=(0, 7)),)),
        ),
    ),
}  # fmt: skip
