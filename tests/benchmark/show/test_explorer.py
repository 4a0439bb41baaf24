"""The explorer's widgets follow each other, and say what to do where there is nothing."""

import pytest
from conftest import draw_category
from stored_cells import keep

from benchmark.show.explore import find_stored
from benchmark.show.explorer import explorer
from bgad.errors import InputError


def test_widgets_follow_each_other(tmp_path, data_root):
    widgets = pytest.importorskip("ipywidgets")
    for shots in (0, 10):
        keep(tmp_path / "runs", data_root, shots)
    draw_category(data_root, "gadget", 7)
    keep(tmp_path / "runs", data_root, 5, category="gadget")
    box = explorer(find_stored([tmp_path / "runs"], {"own": data_root}))
    where, how, panels = box.children
    category = where.children[1]
    assert [value for _, value in category.options] == ["gadget", "widget"]
    category.value = "widget"
    left, right = panels.children
    by_name = [
        {w.description: w for w in panel.children if getattr(w, "description", "")}
        for panel in (left, right)
    ]
    assert [side["Shots"].value[0] for side in by_name] == [0, 10], "two numbers of shots"
    counts, picture, tables = (w for w in left.children if isinstance(w, widgets.HTML))
    assert "<svg" in picture.value and "called defective" in counts.value
    by_name[0]["Threshold"].value = by_name[0]["Threshold"].max
    assert "Missed: 5" in tables.value and "recall <b>0.000</b>" in counts.value
    before = picture.value
    how.children[1].value = 0.5
    assert picture.value != before and "opacity:0.5" in picture.value


def test_without_a_cell_it_is_said_what_to_do():
    pytest.importorskip("ipywidgets")
    with pytest.raises(InputError, match=r"run run_all\.py first"):
        explorer([])
