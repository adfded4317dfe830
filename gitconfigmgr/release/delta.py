"""Deltas: RFC 9842 dictionary-compressed zstd. A 40-byte header that names the dictionary by digest, then one frame.

Nobody has to trust a delta: it is verified by its result. Still the digest of the dictionary is checked first, for a
wrong one yields wrong bytes in silence, and the output is bounded by the signed length.
"""

from __future__ import annotations

import hashlib

MAGIC = bytes.fromhex("5e2a4d1820000000")
LEVEL = 19
LARGE, LEVEL_OF_LARGE = 64 * 1024, 9  # costs a few bytes and saves nine tenths of the time; 1 to 3 lose the dictionary
_HEADER = len(MAGIC) + 32


class DeltaError(ValueError):
    """The delta does not fit, is damaged, or would give more than was signed."""


def make(old: bytes, new: bytes) -> bytes:
    """The delta that turns one text into the other."""
    import zstandard

    dictionary = zstandard.ZstdCompressionDict(old, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    level = LEVEL_OF_LARGE if len(new) > LARGE else LEVEL
    window = max(10, (len(old) + len(new)).bit_length())
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level, window_log=min(window, 27), write_content_size=True
    )
    frame = zstandard.ZstdCompressor(dict_data=dictionary, compression_params=parameters).compress(new)
    return MAGIC + hashlib.sha256(old).digest() + frame


def apply(old: bytes, delta: bytes, length: int, sha256: str) -> bytes:
    """The new text. Raises DeltaError unless it has exactly the signed length and digest."""
    new = expand(old, delta, length)
    if len(new) != length or hashlib.sha256(new).hexdigest() != sha256:
        raise DeltaError("the result is not what was signed")
    return new


def expand(old: bytes, delta: bytes, most: int) -> bytes:
    """The new text, to be verified by who asks for it. Raises DeltaError, also for more than `most` bytes."""
    import zstandard

    if delta[: len(MAGIC)] != MAGIC or len(delta) <= _HEADER:
        raise DeltaError("no dcz delta")
    if delta[len(MAGIC) : _HEADER] != hashlib.sha256(old).digest():
        raise DeltaError("made for another dictionary")
    dictionary = zstandard.ZstdCompressionDict(old, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    decompressor = zstandard.ZstdDecompressor(dict_data=dictionary, max_window_size=1 << 27)
    try:
        with decompressor.stream_reader(delta[_HEADER:]) as reader:
            new = reader.read(most + 1)
    except zstandard.ZstdError as error:
        raise DeltaError(str(error)) from None
    if len(new) > most:
        raise DeltaError("it gives more than was signed")
    return bytes(new)
