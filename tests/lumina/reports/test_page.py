"""The page is read back by a parser that is not ours."""

import math
from html.parser import HTMLParser

import torch

from lumina.generation.description import Description
from lumina.interfaces import Modality
from lumina.pictures.on_page import picture_on_page
from lumina.pictures.sheet import save_picture
from lumina.reports.page import Figure, write_page
from lumina.reports.sample_folder import SampleFolder
from lumina.values import Shown
from modalities.image import Image

PROMPT = '<script>alert("1")</script> & \' яблоко 🍎 {x}'


class Page(HTMLParser):
    VOID = ("meta", "img")

    def __init__(self, path):
        super().__init__()
        self.tags, self.open, self.text = [], [], ""
        self.feed(path.read_text(encoding="utf-8"))
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data if self.open[-1:] != ["style"] else ""

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def picture(folder, name, height, width):
    return save_picture(torch.zeros(3, height, width, dtype=torch.uint8), folder / name)


def test_page_shows_prompts_safely_and_needs_nothing_else(tmp_path):
    files = [picture(tmp_path, "00000.png", 16, 64), picture(tmp_path, "a b#%.png", 64, 64)]
    first = Figure(shown=picture_on_page(files[0], PROMPT), words=[PROMPT], away=["<i>"], facts=["seed 3", "16x64"])
    second = Figure(shown=picture_on_page(files[1]), words=["label 4"], facts=["<b>.png"])
    page = Page(write_page(tmp_path, "2 <samples>", "Steps: <10>", [first, second]))
    assert PROMPT in page.text and "not: <i>" in page.text and "Steps: <10>" in page.text and "<b>.png" in page.text
    assert "seed 3 · 16x64" in page.text and "label 4" in page.text
    assert not {"script", "link", "i", "b"} & {tag for tag, _ in page.tags}
    assert [image["src"] for image in page.all("img")] == ["00000.png", "a%20b%23%25.png"]
    assert page.all("img")[0]["alt"] == PROMPT


def test_styles_and_scripts_stand_once(tmp_path):
    shown = Shown(html="<b>x</b>", style="b { color: red; }", script="<script>1</script>")
    text = write_page(tmp_path, "", "", [Figure(shown=shown)] * 3).read_text()
    assert [text.count(part) for part in (shown.html, shown.style, shown.script)] == [3, 1, 1]


class Points:
    """A modality whose samples are no pictures."""

    shown = Modality.shown

    def save(self, samples, folder, numbers, texts=(), batch=None):
        assert len(texts) == len(samples)
        paths = [folder / f"{number:05d}.xyz" for number in numbers]
        for path, sample in zip(paths, samples, strict=True):
            path.write_text(str(sample))
        return paths

    def picture(self, samples, captions=(), batch=None):
        return torch.full((3, 4, 4 * len(samples)), 200, dtype=torch.uint8)


def test_other_files_are_links(tmp_path):
    folder = SampleFolder(
        tmp_path / "new" / "folder", Points(), [Description(record={"seed": n}) for n in range(3)], {"a": 2}
    )
    folder.add([2, 0], ["two", "zero"])
    folder.add([1], ["one"])
    page = Page(folder.finish())
    assert [link["href"] for link in page.all("a")] == ["00000.xyz", "00001.xyz", "00002.xyz"]
    assert [(folder.folder / link["href"]).read_text() for link in page.all("a")] == ["zero", "one", "two"]
    assert not page.all("img")
    assert {file.name for file in folder.folder.iterdir()} == {
        *(link["href"] for link in page.all("a")), "grid.png", "index.html", "settings.json"
    }  # fmt: skip


def test_files_are_written_with_what_a_batch_says_of_their_samples(tmp_path):
    told = []

    class Told(Points):
        def save(self, samples, folder, numbers, texts=(), batch=None):
            told.append(batch)
            return super().save(samples, folder, numbers, texts)

    folder = SampleFolder(tmp_path, Told(), [Description(record={"seed": n}) for n in range(3)], {})
    samples = [torch.tensor([value]) for value in (1.0, math.nan, 3.0)]
    folder.add([0, 1, 2], samples, {"length": torch.tensor([5, 6, 7])})
    assert told[0]["length"].tolist() == [5, 7]  # none of the sample that is left out


def test_page_shows_what_samples_were_made_from_once(tmp_path):
    first, second = (picture(tmp_path, name, 40, 80) for name in ("camera.png", "other.png"))
    wish = next(wish for wish in Image.wishes if wish.name == "image")
    told = [Description(record={"seed": n}, exhibits=[(wish, file)]) for n, file in enumerate((first, first, second))]
    folder = SampleFolder(tmp_path / "new", Points(), told, {})
    folder.add([0, 1, 2], "abc")
    page = Page(folder.finish())
    assert [image["src"] for image in page.all("img")] == ["start.png", "start_1.png"]
    assert [page.text.count(f"they start from: {name}") for name in ("camera.png", "other.png")] == [1 + 2, 1 + 1]
    assert page.text.count("seed") == 3
    assert (tmp_path / "new/start.png").is_file()


def test_sheet_says_what_samples_show(tmp_path):
    sheets = []
    modality = Points()
    modality.picture = lambda samples, captions=(): sheets.append(captions) or torch.zeros(3, 4, 4, dtype=torch.uint8)
    folder = SampleFolder(
        tmp_path, modality, [Description(words=["a cat", "left"]), Description(words=["dog"]), Description()], {}
    )
    folder.add([0, 1, 2], ["a", "b", "c"])
    folder.finish()
    assert sheets == [["a cat, left", "dog", ""]]
