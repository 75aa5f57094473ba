"""Requests from a file: what each ending means, and what is said of a line that cannot be read."""

import json

import pytest

from lumina.conditioning.label import LabelConditioner
from lumina.conditioning.text import TextConditioner
from lumina.generation.prompt_file import read_prompts
from lumina.generation.requests import Request
from lumina.generation.wishes import Wishes
from modalities.image import Image
from modalities.point_cloud import PointCloud

IMAGE = Wishes(Image, [TextConditioner])
CLOUD = Wishes(PointCloud, [TextConditioner, LabelConditioner])
NONE = Wishes(Image, [])


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
        ('{"prompt": "a", "strength": 0.5}', "line 2 .* give --image"),
        ('{"prompt": "a\\ud800"}', "line 2 .* is not Unicode"),
        ('"a"', "line 2 .* must be an object"),
        ("{}", "line 2 .* must be an object"),
        ("a red apple", "not valid JSON"),
        ('{"prompt": "a", "prompt": "b"}', "line 2 .* gives 'prompt' more than once"),
        (f'{{"prompt": "a", "seed": {"9" * 5000}}}', "line 2 .* not valid JSON"),
        (f'{{"prompt": {"[" * 100_000}', "line 2 .* not valid JSON"),
    ],
)
def test_bad_records_are_told_with_their_line(tmp_path, line, told):
    path = tmp_path / "prompts.jsonl"
    path.write_text(f'{{"prompt": "a"}}\n{line}\n')
    with pytest.raises(ValueError, match=told):
        read_prompts(path, IMAGE, Request())


def test_unreadable_files(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_bytes("é".encode("latin-1"))
    with pytest.raises(ValueError, match="UTF-8"):
        read_prompts(path, IMAGE, Request())
    path.write_text(" \n\n")
    with pytest.raises(ValueError, match="no prompt"):
        read_prompts(path, IMAGE, Request())


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
        ("a.json", "[", "is not valid JSON"),
        ("a.json", "[]", "holds no prompt"),
    ],
)
def test_other_files_of_prompts_are_refused(tmp_path, name, text, reason):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=reason):
        read_prompts(tmp_path / name, IMAGE, Request())
