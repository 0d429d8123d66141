"""Undoing one layer of gzip or zstd as bytes arrive, with an eye on bombs and damage."""

import zlib
from collections.abc import Iterator
from typing import Final

import zstandard

from monitoring.decode.errors import FileRefused
from monitoring.decode.formats import Compression
from monitoring.decode.limits import Limits

_PIECE_BYTES: Final = 1 << 20
_ZSTD_SLICE_BYTES: Final = 1 << 10
"""zstd cannot be told how much to give out; a slice this short expands to 32 MiB at the very worst."""
_ZSTD_WINDOW_BYTES_MAX: Final = 128 << 20
_MAGIC: Final = {Compression.GZIP: b"\x1f\x8b", Compression.ZSTD: b"\x28\xb5\x2f\xfd"}


class _GzipMember:
    """One gzip member; `rest` are the bytes after its end."""

    def __init__(self) -> None:
        self._object = zlib.decompressobj(wbits=31)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data and not self._object.eof:
            yield self._object.decompress(data, _PIECE_BYTES)
            data = self._object.unconsumed_tail

    @property
    def is_done(self) -> bool:
        return self._object.eof

    @property
    def rest(self) -> bytes:
        return self._object.unused_data


class _ZstdFrame:
    """One zstd frame; `rest` are the bytes after its end."""

    def __init__(self) -> None:
        self._object = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES_MAX).decompressobj()
        self.rest = b""
        self.is_done = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_SLICE_BYTES):
            stop = start + _ZSTD_SLICE_BYTES
            yield self._object.decompress(data[start:stop])
            if self._object.eof:
                self.is_done = True
                self.rest = self._object.unused_data + data[stop:]
                return


class Inflater:
    """Feeds on compressed bytes and gives out uncompressed pieces of at most a few MiB.

    Several members or frames in a row are one stream, zero padding at the end is allowed. Raises FileRefused:
    `truncated` for damaged or cut off input, `format` for other bytes after the end, `size_limit` for a bomb.
    """

    def __init__(self, compression: Compression, limits: Limits) -> None:
        self._compression = compression
        self._limits = limits
        self._layer: _GzipMember | _ZstdFrame | None = None
        self._waiting = b""
        self._has_begun = False
        self._taken = 0
        self._given = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The uncompressed pieces that these further bytes give."""
        if self._compression is Compression.NONE:
            if data:
                yield data
            return
        self._taken += len(data)
        data = self._waiting + data
        self._waiting = b""
        while data:
            if self._layer is None:
                data = self._begin_member(data)
                if self._layer is None:
                    return
            layer = self._layer
            for piece in self._pieces(layer, data):
                self._given += len(piece)
                self._refuse_bomb()
                if piece:
                    yield piece
            data = layer.rest if layer.is_done else b""
            if layer.is_done:
                self._layer = None

    def finish(self) -> None:
        """Say that the input ended; refuses it when the compressed stream did not."""
        if self._compression is Compression.NONE:
            return
        if self._layer is not None or not self._has_begun or self._waiting:
            raise FileRefused("truncated", f"the {self._compression.value} stream is cut off")

    def _begin_member(self, data: bytes) -> bytes:
        """Open the next member; before it only zero padding may stand (and none before the first)."""
        magic = _MAGIC[self._compression]
        if self._has_begun:
            data = data.lstrip(b"\x00")
        if len(data) < len(magic) and magic.startswith(data):
            self._waiting = data
            return b""
        if not data.startswith(magic):
            raise FileRefused("format", f"other bytes after the end of the {self._compression.value} stream")
        self._has_begun = True
        self._layer = _GzipMember() if self._compression is Compression.GZIP else _ZstdFrame()
        return data

    def _pieces(self, layer: _GzipMember | _ZstdFrame, data: bytes) -> Iterator[bytes]:
        try:
            yield from layer.pieces(data)
        except (zlib.error, zstandard.ZstdError):
            raise FileRefused("truncated", f"the {self._compression.value} stream is damaged") from None

    def _refuse_bomb(self) -> None:
        limits = self._limits
        if (
            self._given > limits.expansion_free_bytes
            and self._given > limits.expansion_ratio_max * self._taken
        ):
            raise FileRefused(
                "size_limit",
                f"expands more than {limits.expansion_ratio_max} times beyond the free allowance",
            )
