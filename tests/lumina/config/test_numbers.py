"""Numbers as lists and as texts."""

from lumina.config.numbers import integers


def test_box_may_be_a_list_or_a_text():
    assert integers("0, 4,8,12", 4, "box", "") == integers((0, 4, 8, 12), 4, "box", "") == (0, 4, 8, 12)
