import json

import pytest

from lumina.generation.conditions import check_canvas
from lumina.generation.prompt_file import read_prompts
from lumina.generation.requests import Request, integers, number_of, numbered, parse_size
from lumina.generation.what import What
from modalities.image import Image
from modalities.point_cloud import PointCloud


@pytest.mark.parametrize("text", ["1024x4096", "1024X4096", "1024 × 4096", "[1024,4096]", "1024, 4096", (1024, 4096)])
def test_size_is_height_and_width(text):
    assert parse_size(text) == (1024, 4096)


@pytest.mark.parametrize("text", ["1024", "1x2x3", "axb", "-1x4", "1.5x2", "", "x", "²x³", (1, 2, 3)])
def test_size_that_is_none(text):
    with pytest.raises(ValueError, match="HEIGHTxWIDTH"):
        parse_size(text)


def test_huge_size():
    with pytest.raises(ValueError, match="20000x20000 has more than"):
        parse_size("20000x20000")


def test_box_may_be_a_list_or_a_text():
    assert integers("0, 4,8,12", 4, "box", "") == integers((0, 4, 8, 12), 4, "box", "") == (0, 4, 8, 12)


def test_each_sample_has_its_own_seed():
    asked = [Request(prompts=("a",)), Request(prompts=("b",), seed=70), Request(prompts=("c",))]
    assert [request.seed for request in numbered(asked, 2, 5)] == [5, 6, 70, 71, 9, 10]
    with pytest.raises(ValueError, match="seed=-1"):
        numbered(asked, 1, -1)


def test_lines_are_prompts_as_they_stand(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_text('\ufeffa: "b" # c\n\n  яблоко 🍎\r\n{"prompt": "x"}\n[1, 2]\n', encoding="utf-8")
    prompts = [request.prompts for request in read_prompts(path, Request(negative="n", size=(1, 2)))]
    assert prompts == [('a: "b" # c',), ("яблоко 🍎",), ('{"prompt": "x"}',), ("[1, 2]",)]


def test_records_say_what_differs(tmp_path):
    path = tmp_path / "prompts.jsonl"
    records = [
        {"prompt": "é\n2"},
        {"prompt": "b", "negative": "", "seed": 7, "size": "8x16"},
        {"prompt": "", "size": [4, 8]},
        {"prompt": "c", "points": 9},
    ]
    path.write_text("\n\n".join(json.dumps(record) for record in records))
    default = Request(negative="n", size=(64, 64))
    assert read_prompts(path, default) == [
        Request(prompts=("é\n2",), negative="n", size=(64, 64)),
        Request(prompts=("b",), seed=7, size=(8, 16)),
        Request(prompts=("",), negative="n", size=(4, 8)),
        Request(prompts=("c",), negative="n", size=(64, 64), points=9),
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"prompt": 3}', "line 2"),
        ('{"promt": "a"}', "line 2"),
        ('{"prompt": "a", "sed": 3}', "negative, seed, size, points"),
        ('{"prompt": "a", "seed": 1.5}', "seed an integer"),
        ('{"prompt": "a", "seed": true}', "seed an integer"),
        ('{"prompt": "a", "points": 0}', "points one from 1 on"),
        ('{"prompt": "a", "points": "many"}', "points one from 1 on"),
        ('{"prompt": "a", "negative": 1}', "negative must be a text"),
        ('{"prompt": "a", "size": 8}', "HEIGHTxWIDTH"),
        ("a red apple", "no JSON"),
    ],
)
def test_bad_records_are_told_with_their_line(tmp_path, line, told):
    path = tmp_path / "prompts.jsonl"
    path.write_text(f'{{"prompt": "a"}}\n{line}\n')
    with pytest.raises(ValueError, match=told):
        read_prompts(path, Request())


def test_wishes_that_the_modality_does_not_lay_out():
    asked = [Request(), Request(points=9), Request(size=(8, 8), points=9)]
    check_canvas(Image((8, 8)), [Request(size=(8, 8))])
    check_canvas(PointCloud(8), asked[:2])
    with pytest.raises(ValueError, match="points was given, but this model is of Image"):
        check_canvas(Image((8, 8)), asked[:2])
    with pytest.raises(ValueError, match="size was given, but this model is of PointCloud"):
        check_canvas(PointCloud(8), asked)


def test_unreadable_files(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_bytes("é".encode("latin-1"))
    with pytest.raises(ValueError, match="UTF-8"):
        read_prompts(path, Request())
    path.write_text(" \n\n")
    with pytest.raises(ValueError, match="no prompt"):
        read_prompts(path, Request())


def test_regions_need_a_prompt_each(tmp_path):
    assert What(prompt=list("abcd"), compose="2x2").grid == (2, 2)
    for wrong in ({}, {"prompt": list("abc")}, {"prompt": list("abcd"), "prompts": tmp_path}):
        with pytest.raises(ValueError, match=r"--prompt 4 times"):
            What(**wrong, compose=(2, 2))
    with pytest.raises(ValueError, match="at least 1 row"):
        What(compose="0x2")


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
    assert [request.prompts for request in read_prompts(tmp_path / name, Request())] == [("a",), ("b",)]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.yaml", "- a", r"are read from \.txt .*, not from \.yaml files"),
        ("a.json", '{"prompt": "a"}', r"must be a list .*; an object a line is \.jsonl"),
        ("a.json", "[1]", "item 1 of .* must be an object with 'prompt'"),
        ("a.json", "[", "is no JSON"),
        ("a.json", "[]", "holds no prompt"),
    ],
)
def test_other_files_of_prompts_are_refused(tmp_path, name, text, reason):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=reason):
        read_prompts(tmp_path / name, Request())


def test_a_class_goes_by_name_or_number():
    assert number_of("dog", ["cat", "dog"]) == number_of(1, ["cat", "dog"]) == number_of("1", ["cat", "dog"]) == 1
    assert number_of(10, ["1", "10", "2"]) == 1  # the folder's name
    with pytest.raises(ValueError, match=r"label=dgo: .* Did you mean 'dog'\? It knows cat, dog"):
        number_of("dgo", ["cat", "dog"])
    for unknown, classes in ((2, ["cat", "dog"]), (0, ["1", "10", "2"]), (-1, ["cat"])):
        with pytest.raises(ValueError, match=f"label={unknown}: the model knows no such class"):
            number_of(unknown, classes)
