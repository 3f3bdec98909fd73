"""First fit: a region is cut from the first free piece that is long enough. Pure."""

from bisect import insort

from lab.allocators.contiguous import Region


class FirstFitAllocator:
    """Gives out regions of exactly what was asked for, the lowest place first."""

    def __init__(self, num_units: int) -> None:
        if num_units < 1:
            raise ValueError(f"A pool has 1 unit or more, not {num_units}.")
        self.num_units = num_units
        self._pieces = [(0, num_units)]
        """Free pieces, (start, size), by their starts; no two of them touch."""

    def allocate(self, num_units: int) -> Region | None:
        """A region of ``num_units``; None while no free piece holds it."""
        if num_units < 1:
            raise ValueError(f"A region has 1 unit or more, not {num_units}.")
        for at, (start, size) in enumerate(self._pieces):
            if size >= num_units:
                rest = [(start + num_units, size - num_units)]
                self._pieces[at : at + 1] = rest if size > num_units else []
                return Region(start, num_units, num_units)
        return None

    def free(self, region: Region) -> None:
        """Take a region back and join it with the free pieces that it touches."""
        insort(self._pieces, (region.start, region.size))
        joined: list[tuple[int, int]] = []
        for start, size in self._pieces:
            if joined and sum(joined[-1]) == start:
                joined[-1] = (joined[-1][0], joined[-1][1] + size)
            else:
                joined.append((start, size))
        self._pieces = joined

    def num_free_units(self) -> int:
        """Units in free pieces, whatever their sizes."""
        return sum(size for _, size in self._pieces)
