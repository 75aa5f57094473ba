"""What was left out, counted by reason with an example."""

from __future__ import annotations

from lumina.data.census import Census, LeftOut, counted, printable


def test_reasons_are_counted_with_their_first_example():
    census = Census()
    census.leave_out("broken links", ["b", "a"])
    census.leave_out("broken links", ["c"])
    census.leave_out("nothing of this kind", [])
    census.leave_out_by_ending(iter(["x.TXT", "y.txt", "README"]))
    assert census.left_out == {
        "broken links": LeftOut(3, "b"),
        "files ending in .txt": LeftOut(2, "x.TXT"),
        "files without an ending": LeftOut(1, "README"),
    }
    assert census.count == 6


def test_a_sum_leaves_its_parts_alone():
    one, other = Census(), Census()
    one.leave_out("a", ["1"])
    other.leave_out("a", ["2", "3"])
    other.leave_out("b", ["4"])
    both = one + other
    assert both.left_out == {"a": LeftOut(3, "1"), "b": LeftOut(1, "4")}
    assert (one.count, other.count, both.count) == (1, 3, 4)


def test_the_largest_reasons_come_first_and_the_rest_is_summed():
    census = Census()
    for number in range(12):
        census.leave_out(f"reason {number:02d}", ["x"] * (number + 1))
    lines = list(census.lines(most=10))
    assert lines[0] == "reason 11: 12, for example x" and len(lines) == 11
    assert lines[-1] == "other reasons (2): 3"
    assert str(Census()) == "nothing"


def test_names_in_other_bytes_can_be_printed():
    assert printable(b"caf\xe9".decode("utf-8", "surrogateescape")).encode() == rb"caf\udce9"


def test_one_thing_is_not_several():
    assert [counted(number, "object") for number in (0, 1, 1200)] == ["0 objects", "1 object", "1,200 objects"]
