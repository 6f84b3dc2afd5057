import numpy as np

from deeplab.rasters.raster import ArrayRaster, RowsAhead


class Counted(ArrayRaster):
    """Remembers which rows were read."""

    def __init__(self, picture):
        super().__init__(picture)
        self.rows = []

    def read(self, top, bottom):
        self.rows += range(top, bottom)
        return super().read(top, bottom)


def test_overlapping_rows_are_read_once():
    picture = np.random.default_rng(0).integers(0, 256, (50, 7, 3), dtype=np.uint8)
    raster = Counted(picture)
    ahead = RowsAhead(raster)
    for top, bottom in [(0, 20), (0, 20), (15, 35), (30, 34), (30, 50)]:
        np.testing.assert_array_equal(ahead.read(top, bottom), picture[top:bottom])
    assert raster.rows == list(range(50))
