"""Data sets: what lies on disk, and the stream of training crops cut from it."""

from deeplab.data.augment import AugmentConfig as AugmentConfig
from deeplab.data.augment import Crop as Crop
from deeplab.data.augment import augment as augment
from deeplab.data.samples import Sample as Sample
from deeplab.data.samples import SegmentationData as SegmentationData
from deeplab.data.samples import open_split as open_split
from deeplab.data.stream import CropStream as CropStream
from deeplab.data.stream import DataConfig as DataConfig
from deeplab.data.stream import SourceConfig as SourceConfig
from deeplab.data.stream import open_data as open_data
