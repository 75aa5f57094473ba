import json

import pytest

from lumina.conditioning.label import LabelConditioner, number_of
from lumina.conditioning.text import TextConditioner
from lumina.config.numbers import integers
from lumina.generation.prompt_file import read_prompts
from lumina.generation.requests import Regions, Request, numbered
from lumina.generation.what import What
from lumina.generation.wishes import Wishes
from modalities.image import Image
from modalities.point_cloud import PointCloud

IMAGE = Wishes(Image, [TextConditioner])
CLOUD = Wishes(PointCloud, [TextConditioner, LabelConditioner])
NONE = Wishes(Image, [])


def test_box_may_be_a_list_or_a_text():
    assert integers("0, 4,8,12", 4, "box", "") == integers((0, 4, 8, 12), 4, "box", "") == (0, 4, 8, 12)


def test_each_sample_has_its_own_seed():
    asked = [Request(), Request(seed=70), Request()]
    assert [request.seed for request in numbered(asked, 2, 5)] == [5, 6, 70, 71, 9, 10]
    with pytest.raises(ValueError, match="seed=-1"):
        numbered(asked, 1, -1)


def test_lines_are_prompts_as_they_stand(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_text('\ufeffa: "b" # c\n\n  яблоко 🍎\r\n{"prompt": "x"}\n[1, 2]\n', encoding="utf-8")
    read = read_prompts(path, IMAGE, Request(asked={"size": (1, 2)}))
    prompts = ['a: "b" # c', "яблоко 🍎", '{"prompt": "x"}', "[1, 2]"]
    assert [request.asked for request in read] == [{"size": (1, 2), "prompt": prompt} for prompt in prompts]


def test_records_say_what_differs(tmp_path):
    path = tmp_path / "prompts.jsonl"
    records = [
        {"prompt": "é\n2"},
        {"prompt": "b", "negative": "", "seed": 7, "size": "8x16"},
        {"prompt": "", "size": [4, 8]},
        {"prompt": "c", "size": None},
    ]
    path.write_text("\n\n".join(json.dumps(record) for record in records))
    default = {"negative": "n", "size": (64, 64)}
    assert read_prompts(path, IMAGE, Request(asked=default)) == [
        Request(asked={"prompt": "é\n2", **default}),
        Request(asked={"prompt": "b", "negative": None, "size": (8, 16)}, seed=7),
        Request(asked={"prompt": "", "negative": "n", "size": (4, 8)}),
        Request(asked={"prompt": "c", **default}),
    ]


def test_records_name_the_wishes_of_any_model(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"label": "seat", "points": 9}\n{"label": 2, "seed": 3}\n')
    assert read_prompts(path, Wishes(PointCloud, [LabelConditioner]), Request()) == [
        Request(asked={"label": "seat", "points": 9}),
        Request(asked={"label": 2}, seed=3),
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"prompt": 3}', "line 2"),
        ('{"promt": "a"}', "line 2"),
        ('{"prompt": "a", "sed": 3}', "prompt or negative or size .* or seed, got"),
        ('{"prompt": "a", "seed": 1.5}', "line 2 .* seed must be an integer"),
        ('{"prompt": "a", "seed": true}', "line 2 .* seed must be an integer"),
        ('{"prompt": "a", "strength": "much"}', "line 2 .* strength: expected a number, got much"),
        ('{"prompt": "a", "negative": 1}', "line 2 .* negative must be a text"),
        ('{"prompt": "a", "size": 8}', "line 2 .* size: expected a list or text, got 8"),
        ('{"prompt": "a", "size": [8]}', "line 2 .* size"),
        ('{"prompt": "a", "size": "8"}', "HEIGHTxWIDTH"),
        ('{"prompt": "a\\ud800"}', "line 2 .* is not Unicode"),
        ('"a"', "line 2 .* must be an object"),
        ("{}", "line 2 .* must be an object"),
        ("a red apple", "no JSON"),
    ],
)
def test_bad_records_are_told_with_their_line(tmp_path, line, told):
    path = tmp_path / "prompts.jsonl"
    path.write_text(f'{{"prompt": "a"}}\n{line}\n')
    with pytest.raises(ValueError, match=told):
        read_prompts(path, IMAGE, Request())


@pytest.mark.parametrize("points", [0, "many", 1.5, True])
def test_numbers_of_points(points):
    with pytest.raises(ValueError, match="points"):
        CLOUD.read("points", points)
    assert CLOUD.read("points", 9) == 9


def test_wishes_that_the_model_has_no_use_for():
    assert What(prompt="a", size="8x8").read(IMAGE)[0].asked == {"size": (8, 8), "prompt": "a"}
    with pytest.raises(ValueError, match=r"--points was given, but this model is of Image .*: it is for PointCloud"):
        What(points=9).read(IMAGE)
    with pytest.raises(ValueError, match=r"--size was given, but this model is of PointCloud .*: it is for Image"):
        What(size=(8, 8)).read(CLOUD)
    with pytest.raises(ValueError, match=r"--promt was given, .* did you mean 'prompt'"):
        What(promt="a").read(IMAGE)
    with pytest.raises(ValueError, match=r"--prompt was given, but this model is of Image and takes size, .*Condit"):
        What(prompt="a").read(NONE)


def test_several_conditions_are_told_together():
    asked = What(prompt=["a", "b"], label=[1, "c"], points=9).read(CLOUD)
    assert [(one.asked["prompt"], one.asked["label"]) for one in asked] == [("a", 1), ("a", "c"), ("b", 1), ("b", "c")]
    assert all(one.asked["points"] == 9 for one in asked)


def test_unreadable_files(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_bytes("é".encode("latin-1"))
    with pytest.raises(ValueError, match="UTF-8"):
        read_prompts(path, IMAGE, Request())
    path.write_text(" \n\n")
    with pytest.raises(ValueError, match="no prompt"):
        read_prompts(path, IMAGE, Request())


def test_regions_need_a_prompt_each(tmp_path):
    (request,) = What(prompt=list("abcd"), compose="2x2").read(IMAGE)
    assert request.asked == {"prompt": Regions(("a", "b", "c", "d"))}
    for wrong in ({}, {"prompt": list("abc")}, {"prompt": list("abcd"), "prompts": tmp_path}):
        with pytest.raises(ValueError, match=r"--prompt 4 times"):
            What(**wrong, compose=(2, 2)).read(IMAGE)
    with pytest.raises(ValueError, match="at least 1 row"):
        What(compose="0x2").read(IMAGE)
    with pytest.raises(ValueError, match="a prompt 4 times"):
        What(compose="2x2").read(NONE)


def test_prompts_need_a_model_that_is_told_something(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(ValueError, match=r"line 1 of .* was trained with no conditions"):
        What(prompts=tmp_path / "a.txt").read(NONE)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.TXT", "a\n\nb"),
        ("a", "a\nb\n"),
        ("a.JSONL", '{"prompt": "a"}\n{"prompt": "b"}'),
        ("a.ndjson", '{"prompt": "a"}\n{"prompt": "b"}'),
        ("a.Json", '["a", {"prompt": "b"}]'),
    ],
)
def test_a_file_of_prompts_is_what_its_ending_says(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    read = read_prompts(tmp_path / name, IMAGE, Request())
    assert [request.asked for request in read] == [{"prompt": "a"}, {"prompt": "b"}]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.yaml", "- a", r"are read from \.txt .*, not from \.yaml files"),
        ("a.json", '{"prompt": "a"}', r"must be a list .*; an object a line is \.jsonl"),
        ("a.json", "[1]", "item 1 of .* must be an object with prompt"),
        ("a.json", "[", "is no JSON"),
        ("a.json", "[]", "holds no prompt"),
    ],
)
def test_other_files_of_prompts_are_refused(tmp_path, name, text, reason):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=reason):
        read_prompts(tmp_path / name, IMAGE, Request())


def test_a_class_goes_by_name_or_number():
    assert number_of("dog", ["cat", "dog"]) == number_of(1, ["cat", "dog"]) == number_of("1", ["cat", "dog"]) == 1
    assert number_of(10, ["1", "10", "2"]) == 1  # the folder's name
    with pytest.raises(ValueError, match=r"label=dgo: .* Did you mean 'dog'\? It knows cat, dog"):
        number_of("dgo", ["cat", "dog"])
    for unknown, classes in ((2, ["cat", "dog"]), (0, ["1", "10", "2"]), (-1, ["cat"])):
        with pytest.raises(ValueError, match=f"label={unknown}: the model knows no such class"):
            number_of(unknown, classes)
