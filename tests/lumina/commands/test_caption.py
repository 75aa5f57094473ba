"""`lumina caption`: what a language model says of captions, checked, counted, and kept when the command is stopped."""

import json

import pytest
from tiny_encoders import llama

import lumina.commands.caption as command
from lumina.cli import main
from lumina.text.structured import parse, whole

CAPTIONS = ["A dog barks", "", "Rain falls then stops", "A dog barks", "I <3 & @ 🎵", "A cat meows"]


class Scripted:
    """Answers the first words of the caption; is stopped after some batches."""

    batches: list[list[str]]
    stop_after = 99

    def __init__(self, *_):
        pass

    def answers(self, chats):
        texts = [chat[-1]["content"] for chat in chats]
        if len(Scripted.batches) == Scripted.stop_after:
            raise KeyboardInterrupt
        Scripted.batches.append(texts)
        return [f"Events: <{text.lower()}& start>" if "cat" not in text else "no idea" for text in texts]


@pytest.fixture
def scripted(monkeypatch):
    monkeypatch.setattr(command, "Chat", Scripted)
    Scripted.batches, Scripted.stop_after = [], 99
    return Scripted


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.jsonl"
    path.write_text("".join(json.dumps({"n": n, "caption": text}) + "\n" for n, text in enumerate(CAPTIONS)))
    return path


def run(table, *options, model="model"):
    output = table.with_name("out.jsonl")
    main(["caption", f"--table={table}", f"--output={output}", f"--model={model}", "--device=cpu", *options])
    return [json.loads(line)["structured"] for line in output.read_text().splitlines()]


def test_a_model_that_talks_nonsense_leaves_the_captions_whole(tmp_path, table, capsys):
    """All of the real way: tokenizer, template, batches, a network with random weights."""
    found = run(table, "--max_tokens=5", "--batch_size=2", "--dtype=float32", model=llama(tmp_path / "llama"))
    assert found == [whole(text) for text in CAPTIONS]
    assert [parse(text) for text in found if text] == [[(text, "all")] for text in CAPTIONS if text]
    said = capsys.readouterr().out
    assert "0 structured by the model" in said
    assert "5  '<caption& all>', as the answer was not taken" in said and "1  without a caption" in said


def test_good_answers_are_written_and_bad_ones_counted(table, scripted, capsys):
    assert run(table) == [
        "<a dog barks& start>",
        "",
        "<rain falls then stops& start>",
        "<a dog barks& start>",
        r"<I \<3 & @ 🎵& all>",  # an unescaped < is not of the grammar
        "<A cat meows& all>",
    ]
    assert scripted.batches == [["A dog barks", "Rain falls then stops", "I <3 & @ 🎵", "A cat meows"]]
    said = capsys.readouterr().out
    assert "6 rows in" in said and "3 structured by the model" in said
    assert "2  '<caption& all>'" in said and "e.g. 'A cat meows': 'no idea': there is no <event> in it" in said


def test_a_stopped_command_goes_on_where_it_was(table, scripted):
    scripted.stop_after = 2
    with pytest.raises(KeyboardInterrupt):
        run(table, "--batch_size=1")
    kept = table.with_name(".out.jsonl.answers")
    with kept.open("a") as file:
        file.write('{"half a li')  # it was killed while it wrote
    scripted.stop_after = 99
    assert run(table, "--batch_size=1")[0] == "<a dog barks& start>"
    assert scripted.batches == [["A dog barks"], ["Rain falls then stops"], ["I <3 & @ 🎵"], ["A cat meows"]]
    assert not kept.exists()


def test_another_model_does_not_go_on_with_the_answers_of_the_first(table, scripted, capsys):
    scripted.stop_after = 1
    with pytest.raises(KeyboardInterrupt):
        run(table, "--batch_size=1")
    with pytest.raises(SystemExit):
        run(table, model="another")
    assert "was begun with other settings" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--batch_size=0"], "batch_size=0 and max_tokens=256 must be at least 1"),
        (["--output=out.csv"], "must end in .jsonl, like the table"),
        (["--column=text"], "has no column 'text'; it has: n, caption"),
        (["--model=/nothing/here"], "no chat model can be loaded from '/nothing/here'"),
    ],
)
def test_what_cannot_be_done_is_said(table, capsys, options, message):
    with pytest.raises(SystemExit):
        main(["caption", f"--table={table}", f"--output={table.with_name('out.jsonl')}", "--model=m", *options])
    assert message in capsys.readouterr().err
    assert list(table.parent.iterdir()) == [table]


def test_an_existing_file_is_not_overwritten(table, capsys):
    table.with_name("out.jsonl").write_text("mine")
    with pytest.raises(SystemExit):
        run(table)
    assert "exists; remove it" in capsys.readouterr().err and table.with_name("out.jsonl").read_text() == "mine"
