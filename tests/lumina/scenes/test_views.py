from pathlib import Path

from lumina.scenes.cameras import Camera
from lumina.scenes.views import View, ViewSet


def test_views_are_shown_together_unless_they_say_otherwise():
    view = View(file=Path("000.png"), camera=Camera.around(0, 0, 2, 40, (8, 8)))
    assert (view.group, view.role) == (0, "view")
    assert ViewSet(name="a", caption="", views=(view,)).about == {}
