"""The fifteen categories as data: look, natural variation, anomaly types and how hard each is.

The one knob of an anomaly type is its severity, a range within [0, 1] that each of its images
draws from, uniformly: 0 is barely visible, 1 is plain to see. Lower it to make the type harder.
What 0 and 1 mean is in the `Span`s of its steps; a step without any (a swapped cable) is all or
nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bgad.data.synthetic import objects, textures
from bgad.data.synthetic.defects import (
    Defect,
    Span,
    Step,
    bend,
    blob,
    defect,
    edit,
    either,
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
    defects : tuple of Defect
        Its anomaly types.
    quirks : tuple of Step
        Harmless oddities, each on every fourth image of any kind, of any severity.
    fixed, vary : dict
        Parameters that all images share; ranges that each image draws its own value from.
    channels : int
        3, or 1 for greyscale images.
    turn, shift, zoom : float
        Pose: largest rotation (degrees), shift (pixels) and relative change of size.
    light, tint, noise : float
        Largest relative change of brightness and of white balance; typical std of the
        sensor's noise in grey levels.
    """

    draw: Callable[..., None]
    defects: tuple[Defect, ...]
    quirks: tuple[Step, ...] = ()
    fixed: dict[str, Any] = field(default_factory=dict)
    vary: dict[str, tuple[float, float]] = field(default_factory=dict)
    channels: int = 3
    turn: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    light: float = 0.08
    tint: float = 0.01
    noise: float = 2.0


def style(function: Callable[..., None], **usual: Any) -> Callable[..., Step]:
    """A maker of overlays on a region, with usual options that each use may change."""

    def make(region: str | None, **own: Any) -> Step:
        return overlay(function, region=region, **(usual | own))

    return make


# fmt: off
chip = style(  # a piece broken out
    blob, radius=Span(3, 11), contrast=Span(0.25, 1), roughness=0.6, rim=0.3)
crack = style(  # a jagged open line
    stroke, length=Span(14, 80), width=Span(0.8, 3.5), contrast=Span(0.2, 1), curl=0.15,
    jitter=0.9, rim=0.35)
cut = style(  # a clean open line
    stroke, length=Span(14, 75), width=Span(0.9, 4), contrast=Span(0.2, 1), curl=0.08,
    jitter=0.25, rim=0.3)
glue = style(  # a dried drop
    blob, radius=Span(4, 20), contrast=Span(0.08, 0.75), roughness=0.5, softness=3, bulge=0.5)
hole = style(  # dark, with a lit edge
    blob, radius=Span(1.8, 12), contrast=Span(0.25, 1), roughness=0.35, stretch=0.3, bulge=-0.6,
    rim=0.25)
lint = style(  # a harmless hair or fibre
    stroke, length=Span(8, 30), width=Span(0.6, 1.3), contrast=Span(0.1, 0.6), curl=0.5,
    taper=False)
scratch = style(  # a fine straight line
    stroke, colour=(240, 240, 238), length=Span(14, 70), width=Span(0.7, 2.6),
    contrast=Span(0.12, 0.9), curl=0.04)
shiny = style(  # a small piece of metal
    blob, colour=(205, 205, 210), radius=Span(2, 11), contrast=Span(0.3, 1), roughness=0.6,
    texture=0.35, bulge=0.5, rim=0.4, rim_colour=40)
smudge = style(  # a harmless unevenness of tone
    blob, radius=Span(10, 34), contrast=Span(0.05, 0.24), roughness=0.4, softness=18)
stain = style(  # soaked into the surface
    blob, contrast=Span(0.07, 0.9), radius=Span(4, 22), multiply=True, softness=4,
    roughness=0.5)
thread = style(  # lying on top
    stroke, length=Span(35, 170), width=Span(0.9, 2.6), contrast=Span(0.12, 1), curl=0.5,
    taper=False, shadow=0.2)
torn = style(  # the texture in disorder
    roughen, radius=Span(5, 20), contrast=Span(0.35, 1), shift=Span(2, 5))

GREEN, BLUE, BROWN = (150, 165, 60), (52, 96, 160), (128, 84, 62)

CATALOGUE: dict[str, Category] = {
    "carpet": Category(
        draw=textures.carpet,
        fixed={"dark": (88, 80, 78), "bright": (176, 168, 162)},
        vary={"period": (6.6, 7.0)},
        turn=3, shift=10, light=0.12,
        quirks=(smudge(None, colour=(84, 78, 76)), smudge(None, colour=(196, 188, 182))),
        defects=(
            defect("color", 5, (0.0, 0.6), stain(None, colour=(215, 90, 130))),
            defect("cut", 5, (0.0, 0.6), cut(None, colour=(52, 46, 45))),
            defect("hole", 5, (0.0, 0.6), hole(None, colour=(45, 40, 40))),
            defect("metal_contamination", 5, (0.0, 0.6), shiny(None)),
            defect("thread", 5, (0.0, 0.6), thread(None, colour=(205, 200, 196))),
        ),
    ),
    "grid": Category(
        draw=textures.grid,
        fixed={"ground": 62, "metal": 165, "wire": 3.2, "pitch_x": 22, "pitch_y": 26},
        channels=1, turn=3, shift=25, zoom=0.02, light=0.12, noise=2.5,
        quirks=(smudge(None, colour=30), lint(None, colour=30)),
        defects=(
            defect("bent", 5, (0.1, 0.9), edit(
                bend, centres=((0, 0),), spread=(85, 85), radius=Span(18, 48),
                shift_x=Span(2, 9), shift_y=Span(1, 6))),
            defect("broken", 5, (0.1, 0.9), chip(None, colour=62, radius=Span(3, 15), rim=0)),
            defect("glue", 5, (0.2, 1.0), glue(None, colour=205)),
            defect("metal_contamination", 5, (0.0, 0.7), shiny(None, colour=205)),
            defect("thread", 5, (0.0, 0.8), thread(None, colour=215)),
        ),
    ),
    "leather": Category(
        draw=textures.leather,
        fixed={"colour": (122, 80, 60)},
        vary={"grain": (6.6, 7.0)},
        light=0.105,
        quirks=(smudge(None, colour=(70, 42, 32)), smudge(None, colour=(170, 122, 98))),
        defects=(
            defect("color", 5, (0.0, 0.6), stain(None, colour=(130, 130, 205))),
            defect("cut", 5, (0.0, 0.7), cut(None, colour=(58, 32, 24), width=Span(0.8, 3))),
            defect("fold", 5, (0.0, 0.6), overlay(
                stroke, region=None, colour=(186, 132, 104), length=Span(40, 170),
                width=Span(2, 6), contrast=Span(0.06, 0.7), softness=4, shadow=Span(0.04, 0.35))),
            defect("glue", 5, (0.0, 0.6), glue(None, colour=(205, 180, 160))),
            defect("poke", 5, (0.0, 0.8), hole(
                None, colour=(60, 34, 26), radius=Span(1.4, 5), rim=0.4)),
        ),
    ),
    "tile": Category(
        draw=textures.tile,
        fixed={"pale": (208, 205, 200), "grey": (172, 170, 168), "fleck": (46, 44, 46)},
        light=0.075,
        quirks=(
            smudge(None, colour=(150, 148, 146)),
            chip(None, colour=(46, 44, 46), radius=Span(4, 11), roughness=0.9, rim=0),
        ),
        defects=(
            defect("crack", 5, (0.0, 0.8), overlay(
                stroke, region=None, colour=(35, 33, 34), length=Span(50, 230),
                width=Span(0.8, 2.8), contrast=Span(0.3, 1), curl=0.25, jitter=0.5, taper=False,
                rim=0.3, count=2)),
            defect("glue_strip", 5, (0.3, 1.0), overlay(
                stroke, region=None, colour=(232, 226, 190), length=Span(60, 170),
                width=Span(10, 32), contrast=Span(0.2, 0.85), curl=0, taper=False, softness=3,
                rim=0.4)),
            defect("gray_stroke", 5, (0.3, 1.0), overlay(
                stroke, region=None, colour=(120, 119, 120), length=Span(50, 170),
                width=Span(5, 18), contrast=Span(0.25, 0.9), curl=0.03, softness=5)),
            defect("oil", 5, (0.2, 1.0), stain(
                None, colour=(182, 164, 128), radius=Span(9, 40), contrast=Span(0.15, 1))),
            defect("rough", 5, (0.2, 1.0), torn(
                None, radius=Span(10, 44), shift=6, lift=0.12)),
        ),
    ),
    "wood": Category(
        draw=textures.wood,
        fixed={"bright": (206, 164, 116), "dark": (142, 96, 58), "pore": (84, 52, 32)},
        light=0.105, tint=0.008,
        quirks=(smudge(None, colour=(104, 66, 40)), smudge(None, colour=(222, 182, 134))),
        defects=(
            defect("color", 5, (0.0, 0.6), stain(None, colour=(120, 175, 220))),
            defect(
                "combined", 5, (0.0, 0.5),
                hole(None, colour=(52, 32, 20), radius=Span(1.8, 8)),
                scratch(None, colour=(238, 206, 168)),
                stain(None, colour=(150, 130, 110))),
            defect("hole", 5, (0.0, 0.6), hole(None, colour=(46, 28, 18), radius=Span(1.6, 9))),
            defect("liquid", 5, (0.1, 0.8), stain(
                None, colour=(190, 172, 154), radius=Span(7, 30), stretch=0.2)),
            defect("scratch", 5, (0.0, 0.6), scratch(
                None, colour=(240, 210, 172), length=Span(30, 150), count=2)),
        ),
    ),
    "bottle": Category(
        draw=objects.bottle,
        fixed={
            "profile": (  # radius, red, green, blue
                (0, 42, 41, 51), (30, 37, 37, 48), (50, 33, 33, 46), (54, 44, 40, 48),
                (57, 62, 60, 66), (60, 46, 48, 59), (68, 48, 50, 60), (72, 70, 76, 82),
                (78, 68, 69, 79), (83, 62, 63, 73), (88, 92, 84, 84), (91, 84, 82, 86),
                (94, 62, 63, 73), (97, 66, 68, 78), (100, 106, 103, 106), (102, 96, 94, 99),
                (105, 62, 63, 73), (109, 54, 56, 68), (112, 92, 97, 102), (116, 250, 251, 250),
                (190, 254, 254, 253),
            ),
            "glints": (  # radius, width, colour, opacity
                (88, 1.2, (208, 128, 78), 0.9), (91.5, 0.6, (214, 160, 120), 0.5),
                (76, 0.7, (120, 140, 146), 0.5), (72, 0.6, (150, 170, 172), 0.6),
                (101, 1.2, (160, 156, 156), 0.5), (54, 0.5, (96, 62, 48), 0.8),
            ),
        },
        vary={"turn": (0, 6.28)},
        shift=1.5, zoom=0.006, light=0.04, noise=1.2,
        quirks=(
            smudge("glass", colour=(160, 164, 176), radius=Span(4, 14)),
            shiny("glass", colour=(206, 150, 110), radius=Span(0.8, 2), contrast=Span(0.1, 0.6)),
        ),
        defects=(
            defect(
                "broken_large", 8, (0.1, 0.9),
                chip("lip", colour=(50, 49, 57), radius=Span(9, 30), contrast=Span(0.4, 1),
                     roughness=0.7, texture=0.35, cell=9, bulge=0.5, rim_colour=(190, 184, 160)),
                shiny("lip", colour=(205, 196, 168), radius=Span(1.5, 5))),
            defect("broken_small", 8, (0.0, 0.8), chip(
                "lip", colour=(64, 63, 68), radius=Span(1.8, 9), roughness=0.7, texture=0.45,
                cell=4, bulge=0.5, rim=0.6, rim_colour=(214, 196, 150))),
            defect("contamination", 8, (0.0, 0.8), chip(
                "inside", colour=(98, 96, 98), radius=Span(4, 32), contrast=Span(0.08, 0.75),
                texture=0.2, softness=2.5, rim=0)),
        ),
    ),
    "cable": Category(
        draw=objects.cable,
        fixed={
            "ground": (66, 64, 62), "gap": (40, 34, 30), "copper": (204, 134, 92),
            "sheath": (  # radius, red, green, blue
                (0, 128, 126, 120), (100, 128, 126, 120), (102, 84, 82, 78),
                (105, 176, 174, 168), (111, 212, 210, 204), (117, 178, 175, 170)),
            "places": (-1.5708, 0.5236, 2.618), "wires": (GREEN, BLUE, BROWN),
        },
        vary={"twist_0": (0, 3.1), "twist_1": (0, 3.1), "twist_2": (0, 3.1)},
        turn=4, shift=2.5, light=0.075,
        quirks=(
            shiny("bundle", colour=(236, 190, 150), radius=Span(1.5, 3.5), bulge=0),
            smudge("sheath", colour=(110, 106, 100)),
            smudge("insulation", colour=(235, 235, 235), radius=Span(3, 8)),
        ),
        defects=(
            defect("bent_wire", 3, (0.0, 0.9), overlay(
                stroke, region="bundle", colour=(232, 172, 128), length=Span(10, 46),
                width=Span(2.5, 6.5), contrast=Span(0.35, 1), curl=0.25, taper=False, shadow=0.5,
                rim=0.3)),
            defect("cable_swap", 3, (0.0, 1.0), edit(
                replace, key="wires", options=(
                    (BLUE, GREEN, BROWN), (GREEN, BLUE, BLUE), (GREEN, GREEN, BROWN)))),
            defect(
                "combined", 3, (0.0, 0.9),
                hole("bundle", colour=(30, 24, 20), radius=Span(3, 10), rim=0.1),
                chip("insulation", colour=(46, 40, 36), radius=Span(2.5, 10))),
            defect("cut_inner_insulation", 3, (0.0, 0.8), chip(
                "insulation", colour=(46, 40, 36), radius=Span(2, 11))),
            defect("cut_outer_insulation", 3, (0.0, 0.8), chip(
                "sheath", colour=(72, 70, 66), radius=Span(2.5, 14))),
            defect("missing_cable", 3, (0.0, 1.0), edit(
                replace, key="wires", options=(
                    (None, BLUE, BROWN), (GREEN, None, BROWN), (GREEN, BLUE, None)))),
            defect("missing_wire", 3, (0.4, 1.0), hole(
                "bundle", colour=(32, 26, 22), radius=Span(3, 14), rim=0.1)),
            defect("poke_insulation", 3, (0.0, 0.9), hole(
                "insulation", colour=(34, 28, 26), radius=Span(1.4, 5), rim=0.5)),
        ),
    ),
    "capsule": Category(
        draw=objects.capsule,
        fixed={
            "ground": (222, 224, 224), "front": (226, 92, 40), "back": (44, 42, 44), "ink": 236,
            "mark_ink": 186, "imprint": "500", "mark": "LIFE",
        },
        vary={"seam": (-7, -3), "imprint_x": (-4, 4), "imprint_y": (-3, 3)},
        turn=3, shift=3, zoom=0.01, light=0.075,
        quirks=(
            smudge("shell", colour=(255, 250, 246), radius=Span(3, 9)),
            smudge("shell", colour=(90, 60, 50)),
        ),
        defects=(
            defect("crack", 5, (0.1, 0.9), crack(
                "shell", colour=(250, 236, 224), width=Span(0.8, 3))),
            defect("faulty_imprint", 5, (0.2, 1.0), chip(
                "imprint", colour=(205, 84, 38), radius=Span(4, 14), rim=0, count=2)),
            defect("poke", 5, (0.0, 0.8), hole(
                "shell", colour=(30, 24, 22), radius=Span(1.4, 5), bulge=-0.9, rim=0.7)),
            defect("scratch", 5, (0.0, 0.8), scratch("shell", count=2)),
            defect("squeeze", 5, (0.0, 0.9), edit(
                bend, centres=((-60, 36), (60, 36), (-60, -36), (60, -36), (0, 38)),
                spread=(22, 3), radius=Span(18, 44), shift_x=1.5, shift_y=Span(2.5, 11))),
        ),
    ),
    "hazelnut": Category(
        draw=objects.hazelnut,
        fixed={
            "ground": (14, 12, 12), "shell": (176, 116, 64), "base": (196, 164, 124),
            "rim": (90, 58, 36),
        },
        vary={"length": (92, 100), "width": (80, 88)},
        turn=180, shift=5, light=0.135, tint=0.03,
        quirks=(smudge("nut", colour=(70, 40, 20)), smudge("nut", colour=(230, 180, 120))),
        defects=(
            defect("crack", 6, (0.2, 1.0), crack(
                "nut", colour=(34, 20, 12), length=Span(25, 110), width=Span(1.2, 7))),
            defect("cut", 6, (0.2, 1.0), scratch(
                "nut", colour=(226, 190, 146), contrast=Span(0.3, 1), width=Span(1.5, 7),
                length=Span(12, 50))),
            defect("hole", 6, (0.0, 0.8), hole(
                "nut", colour=(20, 12, 8), radius=Span(1.8, 8), roughness=0.15, stretch=0.15,
                bulge=0, rim=0.6, rim_colour=(216, 176, 130))),
            defect("print", 6, (0.1, 1.0), overlay(
                stroke, region="nut", colour=(226, 222, 214), length=Span(14, 60),
                width=Span(2, 6), contrast=Span(0.25, 0.95), curl=1.1, taper=False, softness=2)),
        ),
    ),
    "metal_nut": Category(
        draw=objects.metal_nut,
        fixed={
            "ground": (16, 15, 17), "metal": (206, 194, 172), "groove": (50, 46, 42),
            "flipped": False, "finish": 1.0,
            "face": (  # radius, width, colour, opacity
                (66, 1.4, (92, 86, 78), 0.7), (62, 1.0, (236, 226, 206), 0.6),
                (50, 2.0, (120, 113, 102), 0.6)),
            "face_flipped": ((74, 1.2, (104, 98, 90), 0.5), (50, 4.0, (206, 198, 182), 0.5)),
        },
        turn=25, shift=3, light=0.105, tint=0.015, noise=2.2,
        quirks=(
            smudge("nut", colour=(255, 252, 244), radius=Span(4, 14)),
            smudge("nut", colour=(130, 118, 100)),
        ),
        defects=(
            defect("bent", 6, (0.3, 1.0), edit(
                bend, centres=((104, 10), (-104, -10), (-10, 104), (10, -104)), spread=(3, 3),
                radius=Span(26, 52), shift_x=Span(5, 16), shift_y=Span(5, 16))),
            defect("color", 6, (0.1, 0.9), stain("nut", colour=(120, 140, 225))),
            defect(
                "flip", 6, (0.0, 1.0),
                edit(replace, key="flipped", options=(True,)),
                edit(nudge, keys=("finish",), by=Span(0.1, 0.22), both=False)),
            defect("scratch", 6, (0.3, 1.0), scratch(
                "nut", colour=(246, 240, 226), length=Span(18, 80), width=Span(0.8, 3.6),
                count=2)),
        ),
    ),
    "pill": Category(
        draw=objects.pill,
        fixed={
            "ground": (14, 13, 26), "body": (226, 224, 217), "speck": (150, 52, 58),
            "spot": (150, 140, 140), "imprint": "FF", "depth": 0.22,
        },
        vary={"imprint_x": (-1.5, 1.5), "imprint_y": (-1.5, 1.5)},
        turn=2, shift=2, zoom=0.012, light=0.075, tint=0.005, noise=1.8,
        quirks=(
            smudge("pill", colour=(196, 190, 178)),
            chip("pill", colour=(150, 52, 58), radius=Span(2, 5), roughness=0.9, rim=0),
        ),
        defects=(
            defect("color", 4, (0.1, 1.0), stain("pill", colour=(240, 226, 120))),
            defect(
                "combined", 4, (0.1, 1.0),
                stain("pill", colour=(240, 226, 120)),
                scratch("pill", colour=(250, 250, 246), shadow=Span(0.1, 0.5))),
            defect("contamination", 4, (0.1, 1.0), chip(
                "pill", colour=(62, 58, 56), radius=Span(1.5, 6), roughness=0.9, texture=0.3,
                rim=0, count=3)),
            defect("crack", 4, (0.1, 1.0), crack(
                "edge", colour=(112, 106, 104), width=Span(1, 4), rim=0.5)),
            defect("faulty_imprint", 4, (0.1, 1.0), either(
                edit(replace, key="imprint", options=("F ", " F")),
                torn("imprint", radius=Span(8, 20)),
            )),
            defect("pill_type", 4, (0.0, 1.0), edit(
                replace, key="speck", options=((188, 160, 40),))),
            defect("scratch", 4, (0.1, 1.0), scratch(
                "pill", colour=(252, 252, 250), shadow=Span(0.1, 0.45))),
        ),
    ),
    "screw": Category(
        draw=objects.screw,
        fixed={"ground": 192, "metal": 122, "recess": 48, "depth": 7.5},
        vary={"turn": (0, 1)},
        channels=1, turn=180, shift=5, zoom=0.01, light=0.06, noise=1.6,
        quirks=(
            lint("ground", colour=120, length=Span(4, 16), contrast=Span(0.2, 0.8)),
            smudge("ground", colour=130),
        ),
        defects=(
            defect("manipulated_front", 5, (0.3, 1.0), edit(
                bend, centres=((112, 0),), spread=(3, 1), radius=Span(18, 40), shift_x=Span(1, 5),
                shift_y=Span(4, 14))),
            defect("scratch_head", 5, (0.4, 1.0), scratch(
                "head", colour=240, length=Span(10, 34), width=Span(1.2, 4.5), count=2)),
            defect("scratch_neck", 5, (0.4, 1.0), scratch(
                "neck", colour=240, length=Span(10, 34), width=Span(1.2, 4.5), count=2)),
            defect("thread_side", 5, (0.4, 1.0), edit(
                bend, centres=tuple((x, s * 17) for x in (10, 30, 50, 70) for s in (-1, 1)),
                spread=(6, 1), radius=Span(10, 24), shift_x=Span(1, 4), shift_y=Span(4, 10))),
            defect("thread_top", 5, (0.4, 1.0), torn(
                "thread", radius=Span(6, 17), shift=8, lift=0.3)),
        ),
    ),
    "toothbrush": Category(
        draw=objects.toothbrush,
        fixed={
            "ground": (34, 33, 36), "body": (188, 196, 206), "inner": (226, 228, 232),
            "outer": (66, 112, 190),
        },
        turn=1.5, shift=2, light=0.09, tint=0.03,
        quirks=(
            smudge("bristles", colour=(255, 255, 255), radius=Span(4, 12)),
            smudge("bristles", colour=(120, 130, 170)),
        ),
        defects=(
            defect("defective", 24, (0.2, 1.0), either(
                edit(bend, centres=((0, 0),), spread=(36, 80), radius=Span(12, 34),
                     shift_x=Span(3, 10), shift_y=Span(2, 8)),
                overlay(stroke, region="bristles", colour=(208, 212, 222), length=Span(20, 70),
                        width=Span(1, 3), contrast=Span(0.35, 1), curl=0.25, taper=False,
                        shadow=0.5),
                chip("bristles", colour=(40, 42, 50), texture=0.4, rim=0),
                torn("bristles", radius=Span(7, 22), shift=Span(4, 8)),
            )),
        ),
    ),
    "transistor": Category(
        draw=objects.transistor,
        fixed={
            "copper": (170, 112, 94), "gap": (58, 42, 34), "hole": (30, 24, 26),
            "rim": (206, 146, 122), "lead": 176, "case": (34, 30, 30), "turn": 0.0,
            "bend_0": 0, "bend_1": 0, "bend_2": 0, "cut_0": 0, "cut_1": 0, "cut_2": 0,
        },
        vary={
            "board_x": (-4, 4), "board_y": (-5, 5), "body_x": (-4, 4), "body_y": (-44, -36),
            "sheen": (-26, 26),
        },
        light=0.09, tint=0.02, noise=2.2,
        quirks=(
            scratch("board", colour=(216, 160, 140), length=Span(8, 60)),
            smudge("board", colour=(80, 60, 52)),
        ),
        defects=(
            defect("bent_lead", 6, (0.0, 0.8), edit(
                nudge, keys=("bend_0", "bend_1", "bend_2"), by=Span(4, 30))),
            defect("cut_lead", 6, (0.0, 0.8), edit(
                nudge, keys=("cut_0", "cut_1", "cut_2"), by=Span(6, 50), both=False)),
            defect("damaged_case", 6, (0.0, 0.8), chip(
                "rim", colour=(104, 96, 88), radius=Span(1.8, 13), roughness=0.8, texture=0.4,
                bulge=0.5, rim=0)),
            defect("misplaced", 6, (0.0, 1.0), either(
                (edit(nudge, keys=("turn",), by=Span(4, 40)),
                 edit(nudge, keys=("body_x",), by=Span(4, 30))),
                edit(nudge, keys=("body_x", "body_y"), by=Span(10, 70)),
            )),
        ),
    ),
    "zipper": Category(
        draw=objects.zipper,
        fixed={
            "ground": 178, "cloth": 52, "cord": 62, "gap": 30, "teeth": 132, "tape": 92,
        },
        vary={"phase": (0, 1)},
        channels=1, turn=1, shift=2, light=0.075, noise=1.8,
        quirks=(
            lint("interior", colour=130, length=Span(8, 40)),
            smudge("interior", colour=90),
        ),
        defects=(
            defect("broken_teeth", 4, (0.2, 0.9), chip(
                "teeth", colour=28, radius=Span(3, 12), rim=0)),
            defect(
                "combined", 4, (0.2, 0.9),
                torn("interior", lift=Span(0.08, 0.3)),
                chip("teeth", colour=28, rim=0)),
            defect("fabric_border", 4, (0.0, 0.8), torn(
                "border", shift=Span(4, 9), lift=Span(0.05, 0.15))),
            defect("fabric_interior", 4, (0.3, 1.0), torn(
                "interior", lift=Span(0.08, 0.35))),
            defect("rough", 4, (0.0, 0.7), torn("teeth")),
            defect("split_teeth", 4, (0.0, 0.8), edit(
                bend, centres=((-12, 0), (12, 0)), spread=(2, 90), radius=Span(18, 44),
                shift_x=Span(2.5, 10), shift_y=0)),
            defect("squeezed_teeth", 4, (0.0, 0.8), edit(
                bend, centres=((0, 0),), spread=(4, 90), radius=Span(15, 36), shift_x=0,
                shift_y=Span(2, 8))),
        ),
    ),
}
# fmt: on
