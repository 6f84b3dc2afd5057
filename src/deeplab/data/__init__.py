"""Data sets: what lies on disk, and the stream of training crops cut from it.

`augment` and `stream` are for training and need torch: they are imported by their own names.
"""

from deeplab.data.description import DataDescription as DataDescription
from deeplab.data.layouts import describe as describe
from deeplab.data.samples import Sample as Sample
from deeplab.data.samples import SegmentationData as SegmentationData
from deeplab.data.samples import open_split as open_split
