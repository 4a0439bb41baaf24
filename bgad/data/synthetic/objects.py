"""The ten objects, each drawn from the frame's coordinates and its parameters."""

import numpy as np

from bgad.data.synthetic import shapes
from bgad.data.synthetic.canvas import Canvas, cover, relief
from bgad.data.synthetic.draws import Draws
from bgad.data.synthetic.noise import fractal, lookup, smooth
from bgad.data.synthetic.shapes import near, ridge

__all__ = [
    "bottle",
    "cable",
    "capsule",
    "hazelnut",
    "metal_nut",
    "pill",
    "screw",
    "toothbrush",
    "transistor",
    "zipper",
]


def rings(r, profile):
    """Colours as a function of the radius: `profile` is rows of (radius, red, green, blue)."""
    radii, *channels = np.asarray(profile, dtype=np.float64).T
    return np.stack([np.interp(r, radii, channel) for channel in channels])


def bottle(canvas: Canvas, x, y, p: dict, draws: Draws) -> None:
    """The mouth of a dark glass bottle from above, lit from below."""
    r = np.sqrt(x**2 + y**2)
    cosine, sine = x / r, y / r
    canvas.fill(rings(r, p["profile"]))
    for radius, width, colour, strength in p["glints"]:
        turn = p["turn"] + draws.uniform(-0.6, 0.6)
        along = np.cos(turn) * cosine + np.sin(turn) * sine
        arc = np.clip(0.35 + 0.65 * along + 0.25 * smooth(draws, 14), 0, 1)
        canvas.paint(strength * arc * cover(abs(r - radius) - width, 2.0), colour)
    frost = (r > 56) & (r < 72)
    canvas.shade(1 + frost * 0.10 * smooth(draws, 2) + (r < 112) * 0.03 * smooth(draws, 20))
    canvas.regions.update(
        glass=cover(abs(r - 84) - 26), lip=cover(abs(r - 70) - 14), inside=cover(r - 50)
    )


def cable(canvas: Canvas, x, y, p: dict, draws: Draws) -> None:
    """The cut end of a cable: a sheath around three insulated bundles of copper strands."""
    canvas.fill(p["ground"])
    r = np.sqrt(x**2 + y**2)
    canvas.paint(cover(r - 118, 2.0), rings(r, p["sheath"]))
    canvas.shade(1 + 0.03 * smooth(draws, 9))
    canvas.regions.update(sheath=cover(abs(r - 110) - 7), insulation=0 * r, bundle=0 * r)
    brightness = draws.unit(3, 32, 32)
    for place, (turn, colour) in enumerate(zip(p["places"], p["wires"], strict=True)):
        cx, cy = 53 * np.cos(turn), 53 * np.sin(turn)
        window = near(x, y, cx, cy, 52)
        wx, wy = x[window] - cx, y[window] - cy
        wr = np.sqrt(wx**2 + wy**2)
        if colour is None:
            canvas.paint(cover(wr - 45, 3.0), np.multiply.outer(p["gap"], 0.6 + wr / 60), window)
            continue
        canvas.paint(cover(wr - 48, 4.0), p["gap"], window)
        light = 0.82 + 0.3 * np.clip(1 - abs(wr - 39) / 7, 0, 1)
        canvas.paint(cover(wr - 45.5, 1.5), np.multiply.outer(colour, light), window)
        canvas.paint(cover(wr - 33.5, 2.5), p["gap"], window)
        twist = p[f"twist_{place}"]
        tx = np.cos(twist) * wx - np.sin(twist) * wy
        ty = np.sin(twist) * wx + np.cos(twist) * wy
        strand, light = strands(tx, ty, 7.6, brightness[place])
        alpha = cover(wr - 32, 2.0) * strand
        canvas.paint(alpha, np.multiply.outer(p["copper"], light), window)
        canvas.regions["bundle"][window] += cover(wr - 27)
        canvas.regions["insulation"][window] += cover(abs(wr - 40) - 5)


def strands(x, y, pitch: float, brightness: np.ndarray):
    """Round ends of wires, closely packed: coverage and light."""
    cx, cy, row, column = shapes.honeycomb(x, y, pitch, pitch * 0.75**0.5)
    squared = (x - cx) ** 2 + (y - cy) ** 2
    light = 0.55 + 0.65 * brightness[row % 32, column % 32] - 0.02 * squared
    return cover(np.sqrt(squared) - pitch * 0.46, 1.5), light


def capsule(canvas: Canvas, x, y, p: dict, draws: Draws) -> None:
    """A two-coloured capsule with an imprint, lying on white."""
    canvas.fill(p["ground"])
    body = shapes.box(x, y, 106, 41, 41)
    canvas.shade(1 - 0.28 * cover(shapes.box(x - 3, y - 7, 106, 41, 41), 26))
    height = np.sqrt(np.clip(1 - (np.clip(body, -41, 0) / 41 + 1) ** 2, 0, 1))
    seam = p["seam"] - 2.5 * (y / 41) ** 2
    light = 0.42 + 0.62 * height
    front = np.asarray(p["front"], dtype=np.float64)[:, None, None]
    back = np.asarray(p["back"], dtype=np.float64)[:, None, None]
    side = cover(x - seam, 1.5)
    canvas.paint(cover(body, 1.5), (front + (back - front) * side) * light)
    canvas.paint(0.4 * cover(body + 2) * cover(abs(x - seam) - 1.0, 1.5), 0.0)
    gloss = cover(abs(y + 22 + 1.5 * smooth(draws, 30)) - 4, 7) * cover(abs(x) - 88, 20)
    canvas.paint(0.42 * gloss, 250.0)
    canvas.paint(0.18 * cover(abs(y - 27) - 2.5, 6) * cover(abs(x) - 86, 20), 240.0)
    for string, place, ink in (
        (p["imprint"], (48 + p["imprint_x"], 2 + p["imprint_y"]), p["ink"]),
        (p["mark"], (-48.0, 2.0), p["mark_ink"]),
    ):
        window = near(x, y, place[0], place[1], 46, 20)
        wx, wy = x[window] - place[0], y[window] - place[1]
        strokes = shapes.text(wx, wy, string, 26) - 1.9
        canvas.paint(0.85 * cover(strokes, 1.5), ink, window)
    canvas.shade(1 + 0.02 * smooth(draws, 3))
    inner = cover(body + 6)
    canvas.regions.update(shell=inner, imprint=inner * cover(shapes.box(x - 48, y - 2, 38, 15)))


def hazelnut(canvas: Canvas, x, y, p: dict, draws: Draws) -> None:
    """A nut on black: streaked brown shell, pale rough base."""
    canvas.fill(p["ground"])
    a, b = p["length"], p["width"]
    taper = 1 - 0.17 * x / a
    nut = shapes.ellipse(x, y / taper, a, b)
    bulge = np.sqrt(np.clip(1 - (x / a) ** 2 - (y / taper / b) ** 2, 0, 1))
    around = y / (taper * np.sqrt(np.clip(1.04 - (x / a) ** 2, 0.04, 2)))
    streaks = lookup(smooth(draws, 5), 0.16 * x, around) + 0.6 * lookup(
        smooth(draws, 7), 0.35 * x, 0.6 * around
    )
    mottle = fractal(draws, 26, 3)
    tone = 1 + 0.13 * streaks + 0.09 * mottle + 0.25 * np.clip(x / a, -1, 1)
    shell = np.asarray(p["shell"], dtype=np.float64)[:, None, None] * tone
    base = shapes.disc(x, y, 0.66 * b, -1.02 * a) + 4 * smooth(draws, 10)
    pale = np.multiply.outer(p["base"], 1 + 0.10 * fractal(draws, 5, 2))
    rough = cover(base, 5.0)
    canvas.paint(cover(nut, 1.5), shell + (pale - shell) * rough)
    canvas.paint(0.5 * cover(abs(base - 2) - 1.5, 3.0) * cover(nut), p["rim"])
    lamp = 0.30 + 0.70 * bulge + 0.10 * relief_of(bulge)
    canvas.shade(np.where(nut < 1, lamp, 1))
    canvas.paint(0.10 * cover(0.93 - bulge, 0.3) * cover(nut), 255.0)
    canvas.regions.update(nut=cover(nut + 12))


def relief_of(height):
    """Slope of a coarse height field, clipped to [-1, 1]."""
    return np.clip(12 * relief(height), -1, 1)


def metal_nut(canvas: Canvas, x, y, p: dict, draws: Draws) -> None:
    """A four-lobed nut on black; its lobes lean to one side, so that a flipped one shows."""
    canvas.fill(p["ground"])
    lean = -1 if p["flipped"] else 1
    u, v = shapes.fold(x, lean * y)
    squared = x**2 + y**2
    r = np.sqrt(squared)
    lobes = shapes.box(u - 84, v - 7 - 0.16 * (u - 84), 29, 27, 12)
    nut = shapes.merge(r - 86, lobes, 14)
    alpha = cover(np.maximum(nut, 36 - r), 1.5)
    turn = 2 * p["pose_turn"] + 1.2
    sheen = (np.cos(turn) * (x**2 - y**2) + np.sin(turn) * 2 * x * y) / squared
    brushed = 0.6 * smooth(draws, 1.8) + fractal(draws, 20, 3)
    height = np.clip(-nut / 8, 0, 1)
    tone = 0.60 + 0.30 * height + 0.035 * brushed + 0.13 * sheen + 0.16 * relief_of(height * 0.5)
    metal = np.asarray(p["metal"], dtype=np.float64)[:, None, None] * tone * p["finish"]
    canvas.paint(alpha, metal)
    face = p["face_flipped"] if p["flipped"] else p["face"]
    for radius, width, colour, strength in face:
        canvas.paint(strength * alpha * cover(abs(r - radius) - width, 2.0), colour)
    thread = ridge((r - 36) / 3.4) * cover(abs(r - 41) - 5, 1.0)
    canvas.paint(0.75 * alpha * thread, p["groove"])
    canvas.regions["nut"] = alpha * cover(nut + 5)


def pill(canvas: Canvas, x, y, p: dict, draws: Draws) -> None:
    """A white oval pill with red specks and a debossed imprint, on dark blue."""
    canvas.fill(p["ground"])
    outline = shapes.ellipse(x, y, 111, 75)
    alpha = cover(outline, 1.5)
    dome = np.clip(-outline / 26, 0, 1)
    tone = 0.80 + 0.20 * (1 - (1 - dome) ** 2) + 0.012 * fractal(draws, 8, 3)
    canvas.paint(alpha, np.asarray(p["body"], dtype=np.float64)[:, None, None] * tone)
    density = draws.uniform(2.05, 2.25)
    for colour, cell, strength in ((p["speck"], 4.2, 0.8), (p["spot"], 5.0, 0.3)):
        specks = cover(density - smooth(draws, cell), 0.5)
        canvas.paint(strength * alpha * specks, colour)
    place = p["imprint_x"], p["imprint_y"] + 2.0
    window = near(x, y, *place, 60, 38)
    strokes = shapes.text(x[window] - place[0], y[window] - place[1], p["imprint"], 52, 0.96)
    canvas.shade(1 + p["depth"] * relief(cover(strokes - 3.4, 3.0)), window)
    inner = cover(outline + 7)
    canvas.regions.update(
        pill=inner,
        edge=inner * cover(-30 - outline),
        imprint=cover(shapes.box(x, y, 52, 30)),
    )


def screw(canvas: Canvas, x, y, p: dict, draws: Draws) -> None:
    """A countersunk wood screw, head at -x, tip at +x, in any direction on light grey."""
    canvas.fill(p["ground"] + 2.0 * smooth(draws, 30))
    half = np.interp(x, (-110, -105, -76, -64, -6, 80, 106, 114), (35, 34, 15, 12, 12, 10, 4, 0))
    turns = x / 17.0 + 0.18 * np.clip(y / 12, -1, 1) + p["turn"]
    wound = np.clip((x + 8) / 6, 0, 1) * np.clip((112 - x) / 16, 0, 1)
    crest = np.clip(2.2 * ridge(turns) - 1.0, 0, 1) ** 1.5 * wound * p["depth"]
    half = half + crest
    distance = np.maximum((abs(y) - half) * 0.93, abs(x + 2) - 111)
    canvas.shade(1 - 0.25 * cover(np.maximum(abs(y - 4) - half, abs(x - 2) - 110) - 1, 14))
    across = y / np.maximum(half, 0.5)
    barrel = np.sqrt(np.clip(1 - across**2, 0, 1))
    glint = np.clip(1 - abs(across + 0.35) / 0.35, 0, 1)
    light = 0.42 + 0.42 * barrel + 0.45 * glint + 0.05 * smooth(draws, 3)
    light = light + wound * 0.36 * (ridge(turns + 0.14) - 0.6)
    canvas.paint(cover(distance, 1.3), p["metal"] * light)
    top = shapes.ellipse(x + 107, y, 8, 34.5)
    canvas.paint(cover(top, 1.3), p["metal"] * (1.15 + 0.06 * smooth(draws, 4)))
    canvas.paint(0.85 * cover(shapes.ellipse(x + 107, y, 3.6, 12), 1.3), p["recess"])
    solid = cover(distance)
    canvas.regions.update(
        ground=cover(-distance - 8),
        head=solid * cover(x + 80, 1.0),
        neck=solid * cover(abs(x + 38) - 28, 1.0),
        thread=solid * cover(abs(x - 44) - 46, 1.0),
    )


def toothbrush(canvas: Canvas, x, y, p: dict, draws: Draws) -> None:
    """The head of a toothbrush from above: tufts of bristles in rows."""
    canvas.fill(p["ground"])
    head = shapes.box(x, y + 2, 53, 108, 50)
    neck = shapes.box(x, y - 118, 17, 40, 4)
    body = shapes.merge(head, neck, 12)
    shade = 0.62 + 0.38 * np.clip(-body / 7, 0, 1)
    canvas.paint(cover(body, 1.5), np.multiply.outer(p["body"], shade))
    canvas.paint(0.6 * cover(abs(body + 3) - 1.2, 2.0), 235.0)
    cx, cy, row, column = shapes.honeycomb(x, y + 2, 22.0, 19.0)
    index = (row % 16, column % 16)
    height, tilt = 0.85 + 0.25 * draws.unit(16, 16), draws.unit(2, 16, 16) * 0.03 - 0.015
    tx, ty = x - cx, y + 2 - cy
    tuft = np.sqrt(tx**2 + ty**2) - 11.2 + 1.0 * smooth(draws, 2.5)
    planted = (shapes.box(cx, cy, 46, 101, 44) < 0) * 1.0
    colours = (np.asarray(p[zone], dtype=np.float64)[:, None, None] for zone in ("outer", "inner"))
    colour = np.where((abs(cx) > 26) | (cy < -70), *colours)
    fibres = 1 + 0.13 * smooth(draws, 6, 1.3) + 0.05 * smooth(draws, 3)
    light = (height[index] + tilt[0][index] * tx + tilt[1][index] * ty) * fibres
    canvas.paint(0.7 * cover(tuft - 2, 5.0) * planted, 30.0)
    canvas.paint(cover(tuft, 4.0) * planted, colour * light)
    canvas.regions.update(bristles=cover(shapes.box(x, y + 2, 42, 96, 40)))


def transistor(canvas: Canvas, x, y, p: dict, draws: Draws) -> None:
    """A transistor whose three leads end in the holes of a strip board."""
    pitch = 57.0
    copper = np.multiply.outer(p["copper"], 1 + 0.05 * fractal(draws, 40, 4, 0.7))
    canvas.fill(copper)
    bx, by = x - p["board_x"], y - p["board_y"]
    strip = abs(bx / pitch - np.floor(bx / pitch) - 0.5) * pitch
    canvas.paint(cover(strip - 4.5, 1.5), p["gap"])
    hx, hy = bx - pitch * np.round(bx / pitch), by - pitch * np.round(by / pitch) - 0.0
    hole = np.sqrt(hx**2 + hy**2)
    canvas.paint(0.5 * cover(abs(hole - 13) - 1.2, 1.5), p["rim"])
    canvas.paint(cover(hole - 12, 1.5), p["hole"])
    angle = np.deg2rad(p["turn"])
    ox, oy = x - p["body_x"], y - p["body_y"]
    ox, oy = np.cos(angle) * ox + np.sin(angle) * oy, np.cos(angle) * oy - np.sin(angle) * ox
    for lead, place in enumerate((-1, 0, 1)):
        bend, cut = p[f"bend_{lead}"], p[f"cut_{lead}"]
        points = [
            (place * 28.0, 40.0),
            (place * 28.0, 58.0),
            (place * 53.2 + 0.5 * bend, 82.0),
            (place * 56.24 + bend, 112.0 - 0.3 * abs(bend)),
        ]
        distance = shapes.polyline(ox, oy, points)
        alive = cover(oy - (112 - cut), 2.0)
        canvas.paint(0.35 * cover(distance - 8, 8.0) * alive, 25.0)
        light = 0.62 + 0.5 * np.clip(1 - abs(distance - 1.5) / 2.5, 0, 1) + 0.16 * smooth(draws, 5)
        canvas.paint(cover(distance - 4.6, 1.5) * alive, p["lead"] * light)
    case = shapes.box(ox, oy, 51, 50, 3)
    canvas.paint(0.5 * cover(shapes.box(ox - 4, oy - 4, 51, 50, 3), 10.0), 15.0)
    sheen = 0.7 + 0.9 * np.clip(1 - abs(ox - p["sheen"]) / 14, 0, 1) + 0.08 * smooth(draws, 60, 3)
    canvas.paint(cover(case, 1.5), np.multiply.outer(p["case"], sheen))
    circle = abs(np.sqrt(ox**2 + oy**2) - 16) - 0.8
    canvas.paint(0.35 * cover(circle, 1.5), 75.0)
    canvas.paint(0.5 * cover(abs(case + 1.5) - 0.8, 1.5), 60.0)
    canvas.regions.update(board=cover(-case - 10), rim=cover(case + 1) * cover(-14 - case))


def zipper(canvas: Canvas, x, y, p: dict, draws: Draws) -> None:
    """A closed zipper: interlocked teeth between two woven tapes, on a light ground."""
    canvas.fill(p["ground"])
    border = abs(x) - p["tape"] - 0.6 * smooth(draws, 5)
    rib = ridge(y / 5.0 + 0.25 * ridge(x / 5.0))
    weave = 1 + 0.22 * (rib - 0.5) + 0.16 * (ridge(x / 4.4) - 0.5) + 0.09 * smooth(draws, 2)
    canvas.shade(1 - 0.3 * cover(border - 3, 10))
    canvas.paint(cover(border, 2.0), p["cloth"] * weave)
    seam = abs(abs(x) - 35) - 4.5
    stitch = 0.65 + 0.6 * ridge(y / 7.5 + 0.3)
    canvas.paint(0.8 * cover(seam, 2.5), p["cord"] * stitch)
    canvas.paint(cover(abs(x) - 25, 3.0), p["gap"])
    pitch = 12.0
    for side in (-1, 1):
        s = (y + p["phase"] * pitch) / pitch + 0.25 * (1 + side)
        tooth = np.round(s)
        ty = (s - tooth) * pitch
        length = draws.unit(64)[tooth.astype(int) % 64] * 1.6
        body = shapes.box(x - side * 13, ty, 15 + length, 3.6, 2.6)
        bulb = shapes.box(x - side * 1, ty, 4.5, 4.6, 3.0)
        distance = np.minimum(body, bulb)
        light = 0.62 + 0.5 * np.clip(-distance / 3.2, 0, 1) + 0.05 * smooth(draws, 4)
        canvas.paint(cover(distance, 1.4), p["teeth"] * light * (1 - 0.10 * ty / 4))
    tape = cover(border + 4)
    canvas.regions.update(
        teeth=cover(abs(x) - 20),
        interior=tape * cover(44 - abs(x)) * cover(border + 14),
        border=cover(abs(border + 2) - 5),
    )
