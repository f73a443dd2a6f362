"""Frame rings: slots, growth, and memory that lives as long as someone looks at it."""

from __future__ import annotations

import gc
import itertools
import os

import numpy as np
import psutil
import pytest

from reactor_runtime.worker.messages import RingOpened, SlotRef
from reactor_runtime.worker.ring import RingReader, RingWriter, anonymous_memory


class Readers:
    """Maps each ring as it is announced."""

    def __init__(self) -> None:
        self.opened: list[RingOpened] = []
        self.readers: dict[int, RingReader] = {}

    def __call__(self, opened: RingOpened, fd: int) -> None:
        self.opened.append(opened)
        self.readers[opened.ring] = RingReader(opened, fd)


def test_what_is_written_is_read_and_cannot_be_written_back() -> None:
    readers = Readers()
    writer = RingWriter("main", itertools.count(5), readers)
    writer.fit(384, 3)
    ref, pixels = writer.take(16, 16)
    pixels[:] = np.arange(384) % 256
    view = readers.readers[5].view(ref)
    assert np.array_equal(view, pixels)
    assert not view.flags.writeable
    assert readers.opened == [RingOpened(5, "main", 384, 3)]


def test_a_slot_is_not_taken_again_before_it_is_released() -> None:
    writer = RingWriter("main", itertools.count(), Readers())
    writer.fit(384, 3)
    slots = [writer.take(16, 16)[0].slot for _ in range(3)]
    assert sorted(slots) == [0, 1, 2]
    writer.release(0, slots[1])
    writer.release(0, slots[1])
    assert writer.taken == 2
    assert writer.take(16, 16)[0].slot == slots[1]


def test_slots_of_a_former_ring_count_until_they_are_released() -> None:
    readers = Readers()
    writer = RingWriter("main", itertools.count(), readers)
    writer.fit(384, 3)
    old, pixels = writer.take(16, 16)
    pixels[:] = 7
    writer.fit(6, 2)
    assert len(readers.opened) == 1
    writer.fit(768, 2)
    assert readers.opened[1] == RingOpened(1, "main", 768, 3)
    assert writer.taken == 1
    assert (readers.readers[0].view(old) == 7).all()
    writer.release(old.ring, old.slot)
    assert writer.taken == 0
    assert sorted(writer.take(16, 16)[0].slot for _ in range(3)) == [0, 1, 2]


def test_a_view_outlives_its_ring_and_the_memory_ends_with_it() -> None:
    def descriptors() -> int:
        gc.collect()
        return psutil.Process().num_fds()

    before = descriptors()
    readers = Readers()
    writer = RingWriter("main", itertools.count(), readers)
    writer.fit(384, 3)
    ref, pixels = writer.take(16, 16)
    pixels[:] = 9
    view = readers.readers[0].view(ref)
    del writer, readers, pixels
    assert (view == 9).all()
    del view
    assert descriptors() <= before  # less, where what an earlier test left has ended meanwhile


def test_a_picture_outside_its_ring_is_refused() -> None:
    readers = Readers()
    RingWriter("main", itertools.count(), readers).fit(384, 3)
    for bad in (SlotRef(0, 3, 16, 16), SlotRef(0, -1, 16, 16), SlotRef(0, 0, 32, 16), SlotRef(0, 0, 0, 0)):
        with pytest.raises(ValueError, match="is not in a ring"):
            readers.readers[0].view(bad)


def test_memory_smaller_than_announced_is_refused() -> None:
    fd = anonymous_memory(4096)
    with pytest.raises(ValueError, match="greater than file size"):
        RingReader(RingOpened(0, "main", 4096, 2), fd)
    os.close(fd)


def test_without_memfd_the_memory_has_no_name_either(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    fd = anonymous_memory(4096)
    assert os.fstat(fd).st_size == 4096
    assert os.listdir(str(tmp_path)) == []
    os.close(fd)
