"""Records of a W&B run on this machine."""

from lumina.reports.wandb_file import _contents


def test_records_over_the_edges_of_blocks():
    """LevelDB's log format, written by hand: records of 1 and 70,000 bytes, one that ends just before an edge."""
    records = [b"a", b"b" * 70_000, b"c" * 28_256, b"d"]
    data = bytearray(b":W&B" + b"\xe1\xbe\x00")
    for record in records:
        first = True
        while first or record:
            room = 32_768 - len(data) % 32_768
            if room < 7:
                data += b"\0" * room
                room = 32_768
            part, record = record[: room - 7], record[room - 7 :]
            kind = {(True, True): 1, (True, False): 2, (False, False): 3, (False, True): 4}[first, not record]
            data += b"\0\0\0\0" + len(part).to_bytes(2, "little") + bytes([kind]) + part
            first = False
    assert [len(record) for record in _contents(bytes(data))] == [1, 70_000, 28_256, 1]
    assert [len(record) for record in _contents(bytes(data[:-1]))] == [1, 70_000, 28_256]  # a killed run's file
