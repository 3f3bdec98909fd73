"""The same traffic on a contiguous allocator, to compare paging with."""
