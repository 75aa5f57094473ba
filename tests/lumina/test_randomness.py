from itertools import product

import torch

from lumina.randomness import Purpose, keyed_generator


def first(purpose, *key):
    """What the stream begins with: 63 bits."""
    return torch.randint(2**63 - 1, (), generator=keyed_generator(purpose, *key)).item()


def test_a_stream_is_a_function_of_purpose_and_key():
    assert first(Purpose.ORDER, 7, 3) == first(Purpose.ORDER, 7, 3)
    assert first(Purpose.ORDER, 7, 3) == first(Purpose.ORDER, *torch.tensor([7, 3]))


def test_streams_of_different_purposes_and_keys_never_meet():
    values = (0, 1, 3, 7, 2**32, -1)  # 2**32 is (0, 1) in words of 32 bits
    keys = [key for length in range(4) for key in product(values, repeat=length)]
    streams = {first(purpose, *key) for purpose in Purpose for key in keys}
    assert len(streams) == len(Purpose) * len(keys)


def test_trailing_zeros_make_another_stream():
    assert len({first(Purpose.TRAINING, 7, 3, *[0] * zeros) for zeros in range(9)}) == 9
