"""What the pages and the heads of the YAML files say: links lead somewhere, commands parse, classes and files exist."""

from __future__ import annotations

import importlib
import inspect
import re
import shlex
import sys

import pytest
import yaml
from tiny import ROOT

from lumina.cli import TRAINER_COMMANDS, main
from lumina.config.parser import ShortErrorParser

PAGES = [page for place in ("*.md", "docs/*.md", "*/README.md", "*/*/*/README.md") for page in ROOT.glob(place)]
PAGES = sorted(page for page in PAGES if page.relative_to(ROOT).parts[0] not in ("runs", "data", ".venv"))
EXPERIMENTS = sorted((ROOT / "experiments").rglob("*.yaml"))
PACKAGES = ("lumina", "modalities", "datamodules", "benchmarks")
SOURCES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
DOTTED = re.compile(rf"(?<![\w./])(?:{'|'.join(PACKAGES)})(?:\.[a-zA-Z_]\w*)+")
PLACEHOLDERS = ("datamodules.FILE.CLASS",)
CODE = re.compile(r"^```.*?^```", re.M | re.S)
SPAN = re.compile(r"`([^`\n]+)`")
BASES = {  # what the settings on a page are for, by its name
    "training": "quickstart/digits",
    "dashboards": "quickstart/digits",
    "text_to_image": "toy/emoji",
    "recognition": "paper/table1_pretrain",
    "evaluation": "toy/emoji",
    "point_clouds": "toy/furniture",
    "views": "toy/views",
    "CONTRIBUTING": "quickstart/digits",
}
RUNS = {"RUN": ["--config", "paper/table1_pretrain"]}  # a run of the reader's own: pages on recognition speak of one


def text_of(page):
    return page.read_text(encoding="utf-8")


def spoken(page):
    """Lines and code spans of a page, or the head of a YAML file."""
    text = text_of(page)
    if page.suffix == ".yaml":
        return [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
    return text.splitlines() + SPAN.findall(CODE.sub("", text))


def commands(program):
    """The words after ``program`` of every command line, each once."""
    lines = [line for page in [*PAGES, *EXPERIMENTS] for line in spoken(page) if line.startswith(f"{program} ")]
    lines = [line for line in lines if " ... " not in f"{line} "]
    assert lines
    return list(dict.fromkeys(tuple(shlex.split(line, comments=True)[len(program.split()) :]) for line in lines))


def says_nothing_new(words):
    """A command's name alone, and lines that other tests run: those in heads of YAML files, those of made-up curves."""
    plain = words[0] in TRAINER_COMMANDS and all(option in ("--config", "--ckpt_path") for option in words[1::2])
    return len(words) == 1 or {"COMMAND", "FIGURE", "runs/swings"} & set(words) or plain


def code(page, language):
    """The code blocks of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(page), re.M | re.S)


def anchors(page):
    heads = re.findall(r"^#+ (.*)", CODE.sub("", text_of(page)), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", CODE.sub("", text_of(page))):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def find(name):
    """What a dotted name stands for: a module, or something in one."""
    parts, place = name.split("."), importlib.import_module(name.split(".")[0])
    for number, part in enumerate(parts[1:], 2):
        if not hasattr(place, part):
            importlib.import_module(".".join(parts[:number]))
        place = getattr(place, part)
    return place


@pytest.mark.parametrize("page", [*PAGES, *EXPERIMENTS], ids=lambda page: str(page.relative_to(ROOT)))
def test_classes_and_files_exist(page):
    text = text_of(page)
    if "lumina.optimizers.adamw_8bit" in text:
        pytest.importorskip("torchao", reason="of the extra lowmem, which is not part of all")
    for name in sorted(set(DOTTED.findall(text))):
        find(name)
    folders = "lumina|modalities|datamodules|benchmarks|experiments|docs|tests|scripts"
    for path in re.findall(rf"`((?:{folders})/[\w./*-]*)`", text):
        if "NAME" not in path and "..." not in path:
            assert list(ROOT.glob(path.rstrip("/"))), path


def test_names_in_the_code_exist():
    """In docstrings, comments, messages and imports alike; ``Class.member`` in backticks where the class is ours."""
    texts = {file: text_of(file) for file in SOURCES}
    named = {name: file for file, text in texts.items() for name in DOTTED.findall(text)}
    for name in sorted(set(named) - set(PLACEHOLDERS)):
        if "adamw_8bit" not in name:  # of the extra lowmem
            assert find(name) is not None, named[name]
    classes = {
        name: thing
        for module in list(sys.modules.values())
        if module.__name__.startswith(PACKAGES)
        for name, thing in vars(module).items()
        if inspect.isclass(thing) and thing.__module__.startswith(PACKAGES)
    }
    spans = {span: file for file, text in texts.items() for span in re.findall(r"(?<!`)`(\w+\.\w+)`(?!`)", text)}
    spans = {span: file for span, file in spans.items() if span.split(".")[0] in classes}
    assert spans
    for span, file in spans.items():
        name, member = span.split(".")
        sources = [inspect.getsource(one) for one in classes[name].__mro__ if one.__module__.startswith(PACKAGES)]
        assert any(re.search(rf"\b{member}\b", source) for source in sources), f"{span} in {file}"


@pytest.fixture
def users_folder(tmp_path, monkeypatch):
    """A folder with the YAML files that the pages have their readers write."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pets.yaml").write_text(code(ROOT / "docs/training.md", "yaml")[0])
    (tmp_path / "my.yaml").write_text(text_of(ROOT / "experiments/toy/emoji.yaml"))


def blocks(language):
    """Page and text of every code block in a language."""
    found = [(page, text) for page in PAGES for text in code(page, language)]
    assert found
    return [pytest.param(page, text, id=f"{page.stem}: {text.splitlines()[0][:60]}") for page, text in found]


@pytest.mark.parametrize(("page", "text"), blocks("yaml"))
def test_settings_are_understood(page, text, tmp_path, capsys):
    (tmp_path / "overlay.yaml").write_text(text)
    with pytest.raises(SystemExit) as stop:
        main(["fit", "--config", BASES[page.stem], "--config", str(tmp_path / "overlay.yaml"), "--print_config"])
    assert stop.value.code == 0, capsys.readouterr().err


def test_the_worked_example_is_the_one_that_runs():
    files = [text_of(path) for path in (ROOT / "tests/data/new_modality").glob("*.py")]
    known = {line for text in files for line in text.splitlines()}
    shown = {line for block in code(ROOT / "CONTRIBUTING.md", "python") for line in block.splitlines()}
    assert len(shown) > 20 and {line for line in shown if line.strip() != "...,"} <= known


@pytest.mark.parametrize(("page", "text"), blocks("python"))
def test_imports_of_python_blocks_work(page, text):
    compile(text, str(page), "exec")
    exec("\n".join(line for line in text.splitlines() if line.startswith(("import ", "from "))), {})


def experiment_of_runs():
    """The options that name the experiment of each run."""
    for path in EXPERIMENTS:
        logger = yaml.safe_load(text_of(path)).get("trainer", {}).get("logger", {})
        if name := logger.get("init_args", {}).get("name"):
            head = next(line for line in spoken(path) if line.startswith("lumina fit"))
            yield f"runs/{name}", shlex.split(head)[2:]


@pytest.mark.parametrize("words", [w for w in commands("lumina") if not says_nothing_new(w)], ids=shlex.join)
def test_commands_parse(words, users_folder, monkeypatch, capsys):
    command, *options = words
    if command in TRAINER_COMMANDS:
        if "--ckpt_path" in options:  # of a run that is not here
            place = options.index("--ckpt_path")
            runs = {**RUNS, **dict(experiment_of_runs())}
            options[place : place + 2] = [] if "--config" in options else runs[options[place + 1]]
        options += ["--print_config"]
    monkeypatch.setattr(ShortErrorParser, "instantiate", understood)
    monkeypatch.setattr("lumina.commands.sample.model_of", lambda arguments: None)  # whose models are not here
    with pytest.raises(SystemExit) as stop:
        main([command, *options])
    assert stop.value.code == 0, capsys.readouterr().err


def understood(*_, **__):
    raise SystemExit(0)


@pytest.mark.parametrize("words", [w for w in commands("python -m") if w[0] != "lumina"], ids=shlex.join)
def test_benchmarks_know_their_options(words):
    sources = [text_of(ROOT / f"{words[0].replace('.', '/')}.py")]
    sources += [text_of(ROOT / f"benchmarks/{name}.py") for name in re.findall(r"from benchmarks\.(\w+)", sources[0])]
    known = set(re.findall(r'"(--\w+)"', "".join(sources)))
    assert {word for word in words if word.startswith("--")} <= known


def test_targets_exist():
    targets = {words[0] for words in commands("make")}
    assert targets <= set(re.findall(r"^([\w-]+):", text_of(ROOT / "Makefile"), re.M))


def test_the_tree_in_the_readme_names_every_room():
    tree = next(block for block in CODE.findall(text_of(ROOT / "README.md")) if "\nlumina/" in block)
    named = {word for line in re.findall(r"^  .*", tree, re.M) for word in line.split() if word.endswith("/")}
    assert named == {f"{folder.parent.name}/" for folder in (ROOT / "lumina").glob("*/__init__.py")}
