"""Whether events are heard when the structured caption says."""

import pytest
import torch
from tiny_features import Tiny, Tones, measured, tones

from lumina.metrics.audio.event_order import EventOrder, of_event, placed, thirds
from lumina.text.structured import write


def clips(count, seed=0):
    """Sounds with a tone of a class in the first third and one of the next class in the last, and their captions."""
    first, last = tones(count, 70, seed=seed), tones(count + 1, 70, seed=seed + 1)
    gap = torch.zeros(count, 70)
    batch = {"sound": torch.cat((first["sound"], gap, last["sound"][1:]), 1), "length": torch.full((count,), 210)}
    names = [(one[0], other[0]) for one, other in zip(first["name"], last["name"][1:], strict=True)]
    return {**batch, "structured": [write([(one, "start"), (other, "end"), ("hum", "all")]) for one, other in names]}


class Clips(Tones):
    batch_keys = ("sound", "length", "structured")

    def __init__(self):
        super().__init__(fields=self.batch_keys)

    def dataset(self, split):
        batch = clips(12, seed=10 * ("train", "validation", "test").index(split))
        return [{name: batch[name][index] for name in self.batch_keys} for index in range(12)]


@pytest.fixture
def metric(tmp_path):
    metric = EventOrder(Tiny(), cache=tmp_path)
    metric.prepare(Clips())
    return metric


def test_events_in_their_thirds(metric):
    batch = clips(12, seed=20)
    found = measured(metric, clips(12, seed=40)["sound"], batch)
    assert found["tiny_event_right"] == found["tiny_event_right_real"] == 1
    assert min(found["tiny_event_share"], found["tiny_event_share_real"]) > 0.9


def test_events_in_the_other_order(metric):
    batch = clips(12, seed=20)
    swapped = batch["sound"].unflatten(1, (3, 70)).flip(1).flatten(1)
    found = measured(metric, swapped, batch)
    assert found["tiny_event_right"] == 0 and found["tiny_event_share"] < 0.1
    assert found["tiny_event_right_real"] == 1


def test_events_that_are_heard_all_the_time_have_a_third(metric):
    batch = clips(12, seed=20)
    everywhere = tones(12, 210)["sound"]
    found = measured(metric, everywhere, {**batch, "structured": [f"<{'abc'[n % 3]}& start>" for n in range(12)]})
    assert 0.2 < found["tiny_event_share"] < 0.6


def test_silence_and_nan_are_wrong(metric):
    batch = clips(12, seed=20)
    found = measured(metric, torch.zeros(12, 210), batch)
    assert found["tiny_event_right"] == found["tiny_event_share"] == 0
    metric.reset()
    metric.missed += 12
    assert measured(metric, batch["sound"], batch)["tiny_event_right"] == 0.5


def test_what_the_training_sounds_lack_is_left_out(metric):
    batch = clips(2, seed=20)
    alone = measured(metric, batch["sound"], batch)
    metric.reset()
    more = [text + "@<unheard of& mid>" for text in batch["structured"]]
    assert measured(metric, batch["sound"], {**batch, "structured": more}) == pytest.approx(alone)
    metric.reset()
    measured(metric, batch["sound"], {**batch, "structured": ["<unheard of& mid>", "<broken"]})
    assert "places an event that the training sounds have" in metric.failures["all"]


def test_captions_must_place_events(tmp_path):
    class Whole(Clips):
        def dataset(self, split):
            return [{**item, "structured": "<all of it& all>"} for item in super().dataset(split)]

    with pytest.raises(ValueError, match="place events of two kinds or more"):
        EventOrder(Tiny(), cache=tmp_path).prepare(Whole())


def test_places():
    assert placed("<a& end>@<b& all>@<c& mid>") == [("a", 2), ("c", 1)]
    assert placed("<broken") == placed("") == []
    assert [len(part) for part in thirds(torch.zeros(10))] == [4, 3, 3]
    assert [len(part) for part in thirds(torch.zeros(1))] == [1, 1, 1]


def test_evidence():
    assert of_event(torch.tensor([1.0, 0.0, 3.0]).double(), 2).tolist() == [0.75, 1]
    assert of_event(torch.tensor([1.0, 0.0, 1.0]).double(), 2).tolist() == [0.5, 0]  # no more than elsewhere
    assert of_event(torch.zeros(3).double(), 0).tolist() == [0, 0]
