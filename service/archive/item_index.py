"""The index of a file of judgments: the items and jobs that it may have, and the row groups of an item. Pure.

It is a Bloom filter and the bounds of the row groups. It rules out 99 of 100 items that are not in the file.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

_BITS_A_NAME = 10
_PROBES = 7
_SMALLEST = 64  # bits


class ItemIndex(NamedTuple):
    """`bits` are packed; `groups` has the least and the greatest item id of each row group."""

    bits: bytes
    groups: list[tuple[str, str]]

    def may_have(self, digest: str) -> bool:
        """Returns whether the file may have the item or the job with this digest of its id."""
        bits = np.frombuffer(self.bits, dtype=np.uint8)
        places = _places([digest], len(self.bits) * 8)[0]
        return bool(((bits[places >> 3] >> (places & 7).astype(np.uint8)) & 1).all())

    def groups_of(self, item_id: str) -> list[int]:
        """Returns the row groups that may have the item."""
        if not self.may_have(digest_of(item_id)):
            return []
        return [number for number, (least, greatest) in enumerate(self.groups) if least <= item_id <= greatest]


def digest_of(name: str) -> str:
    """Returns the digest of an item's or a job's id, by which the catalog names those to forget."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def index_of(names: Iterable[str], groups: Iterable[tuple[str, str]]) -> ItemIndex:
    """Returns the index of a file that has the items and jobs of these ids."""
    digests = [digest_of(name) for name in sorted(set(names))]
    size = -(-max(len(digests) * _BITS_A_NAME, _SMALLEST) // 8)
    bits = np.zeros(size, dtype=np.uint8)
    if digests:
        places = _places(digests, size * 8).ravel()
        np.bitwise_or.at(bits, places >> 3, (np.uint8(1) << (places & 7).astype(np.uint8)))
    return ItemIndex(bits.tobytes(), list(groups))


def encoded_index(index: ItemIndex) -> bytes:
    """Returns the index as it is stored."""
    return msgspec.msgpack.encode(index)


def decoded_index(content: bytes) -> ItemIndex:
    """Returns a stored index. Raises msgspec.MsgspecError if it is damaged."""
    return msgspec.msgpack.decode(content, type=ItemIndex)


def _places(digests: Sequence[str], bits: int) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
    """Returns the bits of each digest, one row a digest."""
    halves = np.frombuffer(bytes.fromhex("".join(digests)), dtype="<u8").reshape(-1, 2)
    probes = np.arange(_PROBES, dtype=np.uint64)
    with np.errstate(over="ignore"):
        mixed = halves[:, :1] + probes * (halves[:, 1:] | np.uint64(1))
    return (mixed % np.uint64(bits)).astype(np.int64)
