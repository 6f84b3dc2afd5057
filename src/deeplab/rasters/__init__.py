"""Pictures of any size: read and written a few rows at a time."""

from deeplab.rasters.geo_file import GeoFile as GeoFile
from deeplab.rasters.map_place import MapPlace as MapPlace
from deeplab.rasters.opening import can_be_whole as can_be_whole
from deeplab.rasters.opening import is_raster as is_raster
from deeplab.rasters.opening import needs_parts as needs_parts
from deeplab.rasters.opening import open_raster as open_raster
from deeplab.rasters.png_file import PngFile as PngFile
from deeplab.rasters.raster import Raster as Raster
from deeplab.rasters.raster import RowsAhead as RowsAhead
from deeplab.rasters.row_file import RowFile as RowFile
from deeplab.rasters.row_file import RowGroups as RowGroups
from deeplab.rasters.row_file import RowLayout as RowLayout
from deeplab.rasters.tiff_file import TiffFile as TiffFile
from deeplab.rasters.values import Reading as Reading
