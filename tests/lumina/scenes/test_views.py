from pathlib import Path

from lumina.scenes.cameras import Camera
from lumina.scenes.views import View, ViewSet, remarks_of


def test_views_are_shown_together_unless_they_say_otherwise():
    view = View(file=Path("000.png"), camera=Camera.around(0, 0, 2, 40, (8, 8)))
    assert (view.group, view.role) == (0, "view")
    assert ViewSet(name="a", caption="", views=(view,)).about == {}


def test_remarks_are_summed_over_objects():
    sets = [
        ViewSet(name=str(n), caption="", views=(), remarks=remarks)
        for n, remarks in enumerate([{"odd": 2}, {}, {"odd": 1, "dim": 1}])
    ]
    assert remarks_of(sets) == ["odd: 3 views of 2 objects.", "dim: 1 view of 1 object."]
