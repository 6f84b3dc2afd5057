"""What others have published for DeepLab, and where: records of weight files, none of them ours.

Scores are what the named people say they measured; nothing here was measured by us.
"""

from deeplab.registry.data_sets import DATA_SETS as DATA_SETS
from deeplab.registry.data_sets import DataSet as DataSet
from deeplab.registry.find import ELSEWHERE as ELSEWHERE
from deeplab.registry.find import find_elsewhere as find_elsewhere
from deeplab.registry.find import nearest as nearest
from deeplab.registry.records import ForeignWeights as ForeignWeights
from deeplab.registry.records import Score as Score
from deeplab.registry.records import Use as Use
from deeplab.registry.records import judge_use as judge_use
