"""What `explain` returns."""

from typing import NamedTuple


class Plan(NamedTuple):
    """Which way a call goes, as the functions that choose it say; a block length of 0 means no blocks."""

    algorithm: str
    block_length: int
    reason: str


class Explanation(NamedTuple):
    """Which way a call of `topk` goes, and why."""

    library: str
    algorithm: str
    block_length: int
    reason: str

    def __str__(self) -> str:
        """Return it as one sentence."""
        blocks = f", blocks of {self.block_length}" if self.block_length else ""
        return f"{self.library}: {self.algorithm}{blocks}: {self.reason}"
