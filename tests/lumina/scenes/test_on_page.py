"""Views on a web page."""

from html.parser import HTMLParser
from urllib.parse import unquote

import torch

from lumina.reports.page import Figure, write_page
from lumina.scenes.on_page import views_on_page
from lumina.scenes.ring import Ring
from lumina.scenes.saving import save_views


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def test_a_turntable_above_the_views(tmp_path):
    folder = save_views(torch.zeros(3, 3, 16, 16), (0, 33.5, 270), tmp_path / "00000", Ring())
    shown = views_on_page(folder, 'a "chair" <b>')
    assert shown.note == "3 x 16x16"
    page = Page(write_page(tmp_path, "", "", [Figure(shown=shown)]).read_text())
    images = [attributes for tag, attributes in page.found if tag == "img"]
    assert images[0]["src"] == "00000/turntable.gif" and images[0]["alt"] == 'a "chair" <b>'
    assert [image["alt"] for image in images[1:]] == ["0°", "33.5°", "270°"]
    links = [attributes["href"] for tag, attributes in page.found if tag == "a"]
    assert "00000/sheet.png" in links and "00000/transforms.json" in links
    for link in [*links, *(image["src"] for image in images)]:
        assert (tmp_path / unquote(link)).is_file()


def test_one_view_is_shown_itself(tmp_path):
    shown = views_on_page(save_views(torch.zeros(1, 3, 16, 16), (0,), tmp_path / "00000", Ring()))
    assert shown.html.count("00000/00_azimuth_0.png") == 3 and "turntable.gif" not in shown.html
