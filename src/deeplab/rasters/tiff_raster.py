"""TIFF files of any size through tifffile: only the strips or tiles that are needed are decoded.

BigTIFF, whole slides (their largest level), every compression that imagecodecs knows.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.imaging import Picture
from deeplab.processor import in_order, num_cores
from deeplab.rasters.nodata import MaskStore, find_nodata, measured, without_doubts
from deeplab.rasters.raster import Raster
from deeplab.rasters.values import Reading

_MOST_WORKERS = 4
_PLAIN_ROWS = 64  # read at once to see what was measured
_PREMULTIPLIED = 1
_ALPHA = (_PREMULTIPLIED, 2)  # kinds of extra samples
_KINDS = {"MINISBLACK", "MINISWHITE", "RGB", "PALETTE", "YCBCR"}


class TiffRaster(Raster):
    """A TIFF file, open.

    Strips and tiles that are left out of the file, as whole slides do it, were not measured, nor
    were pixels of GDAL's nodata value.

    Args:
        path: The file.
        reading: How its values become a picture.
        level: Of a pyramid; 0 is the largest.
        memory: Bytes; strips or tiles that take more than a quarter are refused.
        threads: Processor threads that decode, at most; None: one for each core.

    Raises:
        ValueError: Not a TIFF file, or one of a kind that cannot be read in parts.
    """

    def __init__(
        self,
        path: Path,
        reading: Reading,
        *,
        level: int = 0,
        memory: int,
        threads: int | None = None,
    ) -> None:
        try:
            import tifffile
        except ImportError:
            raise ValueError(
                f"{path}: reading TIFF in parts takes tifffile: pip install 'deeplabkit[tiff]'"
            ) from None
        self.name = str(path)
        self._workers = min(_MOST_WORKERS, num_cores() if threads is None else threads)
        try:
            with without_doubts():
                self._file = tifffile.TiffFile(path)
        except (tifffile.TiffFileError, OSError, ValueError) as error:
            raise ValueError(f"{path}: not a TIFF file, or a damaged one ({error})") from error
        try:
            with without_doubts():
                self._lay_out(reading, level, memory)
        except BaseException:
            self._file.close()
            raise

    def _lay_out(self, reading: Reading, level: int, memory: int) -> None:
        levels = self._file.series[0].levels
        if not 0 <= level < len(levels):
            raise ValueError(f"{self.name}: level {level}: it has 0 to {len(levels) - 1}")
        pages = [page for page in levels[level].pages if page is not None]
        first: Any = pages[0].keyframe
        self.height, self.width = first.imagelength, first.imagewidth
        self._check_kind(first)
        samples = first.samplesperpixel
        stored = samples if samples >= reading.num_bands else samples * len(pages)
        if samples != reading.num_bands and reading.bands is None:
            stored -= sum(int(kind) in _ALPHA for kind in first.extrasamples)
        self._palette = _palette(first)
        if self._palette is not None:
            samples = stored = 3
        self._reading = reading
        self._chosen = reading.choose(stored, self.name)
        self._samples = samples
        self._pages = pages[: max(self._chosen) // samples + 1]
        self._alpha = self._find_alpha(first)
        self._chunk_rows = first.tilelength if first.is_tiled else first.rowsperstrip
        self._chunk_rows = min(self._chunk_rows, self.height)
        self._has_gaps = any(0 in page.databytecounts for page in self._pages)
        self._is_plain = bool(first.is_final and not first.is_tiled and not self._has_gaps)
        self._kept: tuple[int, NDArray[Any]] | None = None
        self._nodata = find_nodata(self._file.pages.first)
        self._masks = MaskStore(self.width)
        chunk_bytes = self._chunk_rows * self.width * first.samplesperpixel * first.dtype.itemsize
        if not self._is_plain and chunk_bytes > memory / 4:
            raise ValueError(
                f"{self.name}: stored in strips of {self._chunk_rows} rows, "
                f"{chunk_bytes / 1e9:.1f} GB each, of {memory / 1e9:.1f} GB of memory; give more "
                "(--memory), or rewrite it in tiles (gdal_translate -co TILED=YES)"
            )
        self.held_bytes = 0 if self._is_plain else 2 * chunk_bytes
        if self._nodata is not None and not self._is_plain:
            self.held_bytes += self._masks.most_bytes

    def _check_kind(self, page: Any) -> None:
        if page.photometric.name not in _KINDS:
            raise ValueError(
                f"{self.name}: a TIFF of {page.photometric.name}; allowed are grey, RGB, YCbCr and "
                "palettes: convert it"
            )
        orientation = page.tags.valueof(274, 1)
        if orientation != 1:
            raise ValueError(
                f"{self.name}: its orientation tag is {int(orientation)}, that is, it lies turned "
                "or mirrored; turn it upright first, or set the tag to 1 (tiffset -s 274 1)"
            )
        if page.imagedepth > 1:
            raise ValueError(f"{self.name}: a volume of {page.imagedepth} planes; give one picture")

    def _find_alpha(self, page: Any) -> tuple[int, int] | None:
        """Give the sample that says how opaque pixels are, and its kind."""
        kinds = [int(kind) for kind in page.extrasamples]
        if not self._reading.minds_alpha or self._palette is not None or len(self._pages) > 1:
            return None
        first = page.samplesperpixel - len(kinds)
        return next(((first + n, kind) for n, kind in enumerate(kinds) if kind in _ALPHA), None)

    def read(self, top: int, bottom: int) -> Picture:
        """See `Raster.read`."""
        values = np.concatenate(
            [self._rows(start, top, bottom) for start in self._starts(top, bottom)]
        )
        if self._alpha is None:
            return self._reading.picture(values, self.name)
        return self._reading.picture(
            values[..., :-1],
            self.name,
            alpha=values[..., -1],
            is_premultiplied=self._alpha[1] == _PREMULTIPLIED,
        )

    def read_valid(self, top: int, bottom: int) -> NDArray[np.bool_] | None:
        """See `Raster.read_valid`."""
        if self._nodata is None:
            return self._in_file(top, bottom) if self._has_gaps else None
        step = _PLAIN_ROWS if self._is_plain else self._chunk_rows
        starts = range(top if self._is_plain else top // step * step, bottom, step)
        parts = [
            self._measured(start, min(start + step, self.height))[max(top - start, 0) :]
            for start in starts
        ]
        valid = np.concatenate(parts)[: bottom - top]
        return valid & self._in_file(top, bottom) if self._has_gaps else valid

    def _measured(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Tell which pixels of a strip or a row of tiles are not of the nodata value."""
        if self._is_plain:
            return measured(self._stored(start, stop), self._nodata)
        valid = self._masks.get(start)
        if valid is None:
            valid = measured(self._stored(start, stop), self._nodata)
            self._masks.add(start, valid)
        return valid

    def _in_file(self, top: int, bottom: int) -> NDArray[np.bool_]:
        """Tell which pixels lie in strips or tiles that the file has."""
        valid = np.zeros((bottom - top, self.width), np.bool_)
        for start in self._starts(top, bottom):
            rows = slice(max(start - top, 0), start + self._chunk_rows - top)
            for page in self._pages:
                for left, index in self._segments(page, start):
                    if page.databytecounts[index]:
                        valid[rows, left : left + self._chunk_columns(page)] = True
        return valid

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._kept = None

    def _starts(self, top: int, bottom: int) -> range:
        if self._is_plain:
            return range(top, bottom, bottom - top)
        return range(top // self._chunk_rows * self._chunk_rows, bottom, self._chunk_rows)

    def _rows(self, start: int, top: int, bottom: int) -> NDArray[Any]:
        if self._is_plain:
            return self._bands(top, bottom)
        if self._kept is None or self._kept[0] != start:
            self._kept = None  # the old one goes before the new one comes
            self._kept = start, self._bands(start, min(start + self._chunk_rows, self.height))
        return self._kept[1][max(top - start, 0) : bottom - start]

    def _bands(self, top: int, bottom: int) -> NDArray[Any]:
        """Read the chosen bands, and alpha, of rows that begin with a strip or a row of tiles."""
        values = self._stored(top, bottom)
        if self._nodata is not None and not self._is_plain:
            self._masks.add(top, measured(values, self._nodata))
        if self._palette is not None:
            values = self._palette[values[..., 0]]
        chosen = _upright_grey(self._pages[0].keyframe, values[..., list(self._chosen)])
        if self._alpha is None:
            return chosen
        return np.concatenate([chosen, values[..., [self._alpha[0]]]], axis=2)

    def _stored(self, top: int, bottom: int) -> NDArray[Any]:
        """Read all bands of these rows, as they are stored: (n, W, bands)."""
        read = self._read_plain if self._is_plain else self._decode
        try:
            return np.concatenate([read(page, top, bottom) for page in self._pages], axis=2)
        except Exception as error:  # decoders raise nearly every kind
            raise ValueError(f"{self.name}: damaged near row {top} ({error})") from error

    def _read_plain(self, page: Any, top: int, bottom: int) -> NDArray[Any]:
        """Read rows that lie one behind the other in the file, as they are."""
        kind = page.keyframe.dtype.newbyteorder(self._file.byteorder)
        planes, samples = _planes(page.keyframe)
        values = np.empty((bottom - top, self.width, planes * samples), page.keyframe.dtype)
        for plane in range(planes):
            row_bytes = self.width * samples * kind.itemsize
            offset = page.dataoffsets[0] + (plane * self.height + top) * row_bytes
            self._file.filehandle.seek(offset)
            rows = np.frombuffer(self._file.filehandle.read((bottom - top) * row_bytes), kind)
            values[..., plane * samples : (plane + 1) * samples] = rows.reshape(
                bottom - top, self.width, samples
            )
        return values

    def _decode(self, page: Any, top: int, bottom: int) -> NDArray[Any]:
        """Decode a strip, or a row of tiles, several at once."""
        key = page.keyframe
        planes, samples = _planes(key)
        values = np.zeros((bottom - top, self.width, planes * samples), key.dtype)
        decode = partial(_decode_segment, page)
        for decoded, (plane, _, _, left, _) in in_order(
            decode, self._contents(page, top), workers=self._workers
        ):
            if decoded is None:  # left out of the file
                continue
            part = decoded[0, : bottom - top, : self.width - left]
            values[
                : part.shape[0],
                left : left + part.shape[1],
                plane * samples : (plane + 1) * samples,
            ] = part
        return values

    def _contents(self, page: Any, top: int) -> Iterator[tuple[bytes | None, int]]:
        for _, index in self._segments(page, top):
            size = page.databytecounts[index]
            self._file.filehandle.seek(page.dataoffsets[index])
            yield (self._file.filehandle.read(size) if size else None), index

    def _segments(self, page: Any, top: int) -> Iterator[tuple[int, int]]:
        """List the strips or tiles that begin at a row: their left columns and their numbers."""
        lefts = range(0, self.width, self._chunk_columns(page))
        down = -(-self.height // self._chunk_rows)
        for plane in range(_planes(page.keyframe)[0]):
            first = (plane * down + top // self._chunk_rows) * len(lefts)
            yield from zip(lefts, range(first, first + len(lefts)), strict=True)

    def _chunk_columns(self, page: Any) -> int:
        return int(page.keyframe.tilewidth) if page.keyframe.is_tiled else self.width


def _decode_segment(
    page: Any, segment: tuple[bytes | None, int]
) -> tuple[NDArray[Any] | None, Any]:
    tables = {}
    if page.keyframe.compression in (6, 7, 34892, 33007):  # kinds of JPEG
        tables = {"jpegtables": page.jpegtables, "jpegheader": page.keyframe.jpegheader}
    decoded, place, _ = page.keyframe.decode(*segment, **tables)
    return decoded, place


def _planes(page: Any) -> tuple[int, int]:
    """Count the planes that lie one behind the other, and the samples a pixel has in each."""
    is_planar = page.planarconfig == 2 and page.samplesperpixel > 1
    return (page.samplesperpixel, 1) if is_planar else (1, page.samplesperpixel)


def _palette(page: Any) -> NDArray[np.uint8] | None:
    if page.photometric.name != "PALETTE" or page.colormap is None:
        return None
    colours: NDArray[np.uint8] = (page.colormap.T >> 8).astype(np.uint8)
    return colours


def _upright_grey(page: Any, values: NDArray[Any]) -> NDArray[Any]:
    """Turn grey values around where 0 is white."""
    if page.photometric.name != "MINISWHITE":
        return values
    return ~values if values.dtype.kind in "bu" else -values
