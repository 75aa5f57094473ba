import json

import numpy as np
import pytest

from lumina.cli import main

pyarrow = pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")

from pyarrow import csv, dataset, parquet  # noqa: E402

FORMATS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "json"}


def write_table(rows, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows.to_pylist()))
    else:
        {".csv": csv.write_csv, ".parquet": parquet.write_table}[path.suffix](rows, path)


def read_table(path):
    return dataset.dataset(path, format=FORMATS[path.suffix]).to_table()


def scored(count=200, seed=0):
    generator = np.random.default_rng(seed)
    return {
        "path": [f"{number}.jpg" for number in range(count)],
        "width": generator.integers(200, 1200, count),
        "height": generator.integers(200, 1200, count),
        "aesthetic": generator.uniform(4, 7, count),
        "watermark": generator.uniform(0, 1, count).round(2),
        "unsafe": generator.uniform(0, 1, count),
    }


def expected(table, count):
    """The same in plain Python."""
    rows = [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]
    pool = [r for r in rows if r["width"] * r["height"] >= 512**2 and r["aesthetic"] >= 5.5]
    pool = [r for r in pool if r["watermark"] <= 0.5 and r["unsafe"] <= 0.5]

    def rank(row, name, sign):
        better = sum(sign * other[name] < sign * row[name] for other in pool)
        return better + (sum(other[name] == row[name] for other in pool) + 1) / 2

    sums = [rank(r, "aesthetic", -1) + rank(r, "watermark", 1) + rank(r, "unsafe", 1) for r in pool]
    order = sorted(range(len(pool)), key=lambda place: sums[place])[:count]
    return [pool[place]["path"] for place in order], [sums[place] for place in order]


@pytest.mark.parametrize("source", [".parquet", ".csv", ".jsonl"])
@pytest.mark.parametrize("target", [".parquet", ".csv", ".jsonl"])
def test_the_best_are_kept_in_every_format(tmp_path, source, target, capsys):
    table = scored()
    write_table(pyarrow.table(table), tmp_path / f"in{source}")
    output = tmp_path / "sub" / f"out{target}"
    main(["curate", f"--table={tmp_path}/in{source}", f"--output={output}", "--count=15"])
    paths, sums = expected(table, 15)
    result = read_table(output)
    assert result["path"].to_pylist() == paths
    assert result["rank_sum"].to_pylist() == pytest.approx(sums)
    printed = capsys.readouterr().out
    area = int((table["width"] * table["height"] < 512**2).sum())
    assert f"-{area}  smaller than 512x512" in printed and "15  rows in" in printed
    removed = [int(line.split()[0].replace(",", "")) for line in printed.splitlines()]
    assert removed[0] == 200 and sum(removed[:-1]) == removed[-1] == 15


def test_a_missing_value_does_not_pass(tmp_path):
    rows = [{"w": 600, "h": 600, "aesthetic": 6, "watermark": 0.1, "unsafe": 0.1, "n": n} for n in range(4)]
    rows[1]["watermark"] = None
    rows[2]["aesthetic"] = float("nan")
    write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    main(["curate", f"--table={tmp_path}", f"--output={tmp_path}/b.jsonl", "--width=w", "--height=h"])
    assert [json.loads(line)["n"] for line in (tmp_path / "b.jsonl").read_text().splitlines()] == [0, 3]


def test_equal_scores_share_their_rank(tmp_path):
    size = {"width": [600] * 3, "height": [600] * 3}
    scores = {"aesthetic": [7.0, 6, 6], "watermark": [0.0, 0, 0], "unsafe": [0.2, 0.1, 0.0]}
    write_table(pyarrow.table({**size, **scores, "name": ["a", "b", "c"]}), tmp_path / "in.parquet")
    best = curate(tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert best["name"].to_pylist() == ["c", "a", "b"]
    assert best["rank_sum"].to_pylist() == [2.5 + 2 + 1, 1 + 2 + 3, 2.5 + 2 + 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--table=none.csv", "--output=b.csv"], "no table at none.csv"),
        (["--table=a.csv", "--output=b.txt"], "b.txt must end in .parquet, .csv, .jsonl"),
        (
            ["--table=a.csv", "--output=b.csv", "--watermark=width"],
            "a.csv has no column 'unsafe'; it has: width, height, aesthetic, watermark",
        ),
        (["--table=a.csv", "--output=b.csv", "--unsafe=width", "--count=0"], "count=0"),
        (
            ["--table=a.csv", "--output=b.csv", "--unsafe=watermark"],
            "column 'watermark' of a.csv is not made of numbers",
        ),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("width,height,aesthetic,watermark\n600,600,6,none\n")
    with pytest.raises(SystemExit) as caught:
        main(["curate", *options])
    assert caught.value.code == 2 and message in capsys.readouterr().err


def curate(table, output, *options):
    main(["curate", f"--table={table}", f"--output={output}", *options])
    return read_table(output)


def test_its_own_output_can_be_curated_again(tmp_path, capsys):
    write_table(pyarrow.table(scored()), tmp_path / "0.parquet")
    first = curate(tmp_path / "0.parquet", tmp_path / "1.parquet", "--count=20")
    second = curate(tmp_path / "1.parquet", tmp_path / "2.parquet", "--count=10")
    assert second.column_names == first.column_names
    assert second["path"].to_pylist() == expected(first.to_pydict(), 10)[0]
    assert "rank_sum was there" in capsys.readouterr().out


def test_a_folder_of_the_hub_is_read_without_its_other_files(tmp_path):
    whole = pyarrow.table(scored())
    write_table(whole.slice(0, 120), tmp_path / "hub/data/0.parquet")
    write_table(whole.slice(120), tmp_path / "hub/data/1.parquet")
    (tmp_path / "hub/README.md").write_text("# a table")
    assert curate(tmp_path / "hub", tmp_path / "out.csv", "--count=15")["path"].to_pylist() == expected(scored(), 15)[0]


@pytest.mark.parametrize("output", ["in.parquet", "../x/in.parquet", "in.PARQUET/../in.parquet", "other.parquet"])
def test_an_output_that_is_the_input_is_refused(tmp_path, output, capsys):
    (tmp_path / "x/in.PARQUET").mkdir(parents=True)
    path = tmp_path / "x/in.parquet"
    write_table(pyarrow.table(scored()), path)
    before = path.read_bytes()
    with pytest.raises(SystemExit):
        main(
            [
                "curate",
                f"--table={tmp_path / 'x' if 'other' in output else path}",
                f"--output={tmp_path / 'x' / output}",
            ]
        )
    assert "would overwrite or join the input" in capsys.readouterr().err
    assert path.read_bytes() == before and not (tmp_path / "x/other.parquet").exists()


def test_bounds_may_be_infinite(tmp_path):
    write_table(pyarrow.table(scored()), tmp_path / "in.parquet")
    bounds = ["--min_size=0", "--min_aesthetic=-.inf", "--max_watermark=.inf", "--max_unsafe=.inf"]
    assert len(curate(tmp_path / "in.parquet", tmp_path / "out.parquet", *bounds)) == 200
