"""Frame rings: pixels that cross between a model and the server without a copy.

The memory has no name: a descriptor of it crosses the control pipe, so whatever way a process ends leaves nothing
behind. Mappings are never closed by hand: each ends with the last array that looks into it.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from reactor_runtime.worker.messages import InputRingOpened, RingOpened, SlotRef

Pixels = npt.NDArray[np.uint8]


def anonymous_memory(size: int) -> int:
    """Return a descriptor of `size` zeroed bytes that live as long as someone holds or maps them."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("reactor-ring", os.MFD_CLOEXEC)
    else:
        import tempfile  # 17 ms that Linux need not pay

        fd, path = tempfile.mkstemp()
        os.unlink(path)
    os.ftruncate(fd, size)
    return fd


class RingWriter:
    """The slots of one track, on the side that the pictures come from.

    A picture that is too big, or a chunk that is too long, opens a bigger ring; slots of the former one still count
    as taken until the other side releases them, so the lead stays bounded. Thread: the caller serialises.
    """

    def __init__(
        self,
        track: str,
        numbers: Iterator[int],
        announce: Callable[[Any, int], object],
        opened: type[RingOpened | InputRingOpened] = RingOpened,
    ) -> None:
        """Make a writer; `announce` gets each new ring as an `opened`, and its descriptor, to send to the other side.

        Each ring is numbered from `numbers`.
        """
        self._track = track
        self._opened = opened
        self._numbers = numbers
        self._announce = announce
        self._number = -1
        self._memory: Pixels = np.empty((0, 0), np.uint8)
        self._free: list[int] = []
        self._taken: set[tuple[int, int]] = set()

    @property
    def taken(self) -> int:
        """Slots in use, those of former rings included."""
        return len(self._taken)

    def fit(self, slot_bytes: int, slots: int) -> None:
        """Make sure that at least `slots` slots of at least `slot_bytes` exist."""
        former_slots, former_bytes = self._memory.shape
        if slots <= former_slots and slot_bytes <= former_bytes:
            return
        slots, slot_bytes = max(slots, former_slots), max(slot_bytes, former_bytes)
        fd = anonymous_memory(slots * slot_bytes)
        try:
            self._memory = np.frombuffer(mmap.mmap(fd, slots * slot_bytes), np.uint8).reshape(slots, slot_bytes)
            self._number = next(self._numbers)
            self._announce(self._opened(self._number, self._track, slot_bytes, slots), fd)
        finally:
            os.close(fd)
        # The slot released last is taken first: its pages are in the cache, and untouched slots cost no memory.
        self._free = list(range(slots))

    def take(self, width: int, height: int) -> tuple[SlotRef, Pixels]:
        """Take a free slot, which must exist, for one picture: the reference to send, and flat bytes to write to."""
        ref = SlotRef(self._number, self._free.pop(), width, height)
        self._taken.add((ref.ring, ref.slot))
        return ref, self._memory[ref.slot, : width * height * 3 // 2]

    def release(self, ring: int, slot: int) -> None:
        """Make a slot free again; one that is not taken here is ignored."""
        if (ring, slot) in self._taken:
            self._taken.remove((ring, slot))
            if ring == self._number:
                self._free.append(slot)


class RingReader:
    """One ring as the side maps it that the pictures go to, read-only."""

    def __init__(self, opened: RingOpened | InputRingOpened, fd: int) -> None:
        """Map a ring; `fd` stays the caller's. Raises ValueError if the memory is smaller than announced."""
        self.track = opened.track
        memory = mmap.mmap(fd, opened.slots * opened.slot_bytes, access=mmap.ACCESS_READ)
        self._memory: Pixels = np.frombuffer(memory, np.uint8).reshape(opened.slots, opened.slot_bytes)

    def view(self, ref: SlotRef) -> Pixels:
        """Return the flat bytes of a picture, without a copy; they stay mapped as long as the view lives.

        Raises:
            ValueError: The reference points outside the ring.
        """
        slots, slot_bytes = self._memory.shape
        size = ref.width * ref.height * 3 // 2
        if not (0 <= ref.slot < slots and 0 < size <= slot_bytes):
            raise ValueError(f"{ref} is not in a ring of {slots} slots of {slot_bytes} bytes")
        return self._memory[ref.slot, :size]
