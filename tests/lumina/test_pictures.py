import torch
from PIL import Image

from lumina.pictures import add_text, contact_sheet, save_pictures

TEXTS = {"lumina": '{"prompt": "яблоко 🍎"}', "parameters": "تفاحة\nNegative prompt: 苹果, é\nSeed: 3"}


def test_text_of_any_language_is_read_back_and_the_picture_untouched(tmp_path):
    image = torch.rand(3, 5, 7, generator=torch.Generator().manual_seed(0)) * 2 - 1
    marked, plain = save_pictures([image, image], tmp_path)
    add_text(marked, TEXTS)
    with Image.open(marked) as read, Image.open(plain) as before:
        read.load()
        assert read.text == TEXTS
        assert read.tobytes() == before.tobytes()


def test_text_may_be_added_twice(tmp_path):
    [path] = save_pictures([torch.zeros(1, 4, 4)], tmp_path)
    add_text(path, {"a": "1"})
    add_text(path, {"b": ""})
    with Image.open(path) as read:
        assert read.text == {"a": "1", "b": ""}


def test_sheet_enlarges_the_small_and_reduces_the_large():
    sheet = contact_sheet([torch.zeros(1, 8, 8), torch.ones(3, 100, 1030)], columns=2)
    height, width = sheet.shape[1:]
    assert height == 64 + 4 and width == 2 * (344 + 2) + 2  # 1030 / 3, rounded up
    assert sheet[:, 2:66, 2:66].unique().tolist() == [128]
    assert sheet[:, 2:36, 348:692].unique().tolist() == [255]
