"""Do label maps hold class ids? If not, what do they hold, and which id does each code mean?

One file alone does not tell: 0 and 255 are a class and void in one data set, and two classes in
another. So all label maps of a data set are judged together.
"""

from collections.abc import Mapping
from pathlib import Path

from deeplab.data.checks import kinds
from deeplab.data.checks.colours import judge_colours
from deeplab.data.checks.raw_labels import LabelFacts
from deeplab.data.checks.values import judge_values
from deeplab.data.checks.verdicts import Verdict, Verdicts
from deeplab.data.description import DataDescription
from deeplab.labels import VOID

_COLOUR_MODES = ("RGB", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")


def judge_codes(facts: Mapping[Path, LabelFacts], description: DataDescription) -> Verdicts:
    """Judge all label maps of a data set that were decoded.

    Args:
        facts: What is in each file.
        description: What the data set says about itself.
    """
    verdicts = Verdicts()
    decoded = {path: one for path, one in facts.items() if one.is_decoded}
    painted = {path: one for path, one in decoded.items() if _is_painted(one, description)}
    grey = {path: one for path, one in decoded.items() if path not in painted}
    judge_colours(painted, description, verdicts)
    judge_values(grey, description, verdicts)
    for path, one in decoded.items():
        verdicts.of[path] = _with_packing(verdicts.of[path], one, description, verdicts)
    return verdicts


def _is_painted(facts: LabelFacts, description: DataDescription) -> bool:
    if description.coding.colours and facts.alpha != "which holds the labels":
        return facts.view == "colours" or facts.mode.startswith("RGB")
    return facts.view == "colours"


def _with_packing(
    verdict: Verdict, facts: LabelFacts, description: DataDescription, verdicts: Verdicts
) -> Verdict:
    """Add what is wrong with the kind of file, whatever stands in it."""
    faults = list(verdict.kinds)
    num_classes = len(description.label_set.class_names)
    is_declared = _is_painted(facts, description) and bool(description.coding.colours)
    if facts.is_lossy and kinds.JPEG not in faults:
        faults.append(kinds.JPEG)
    if facts.alpha and not is_declared:
        faults.append(kinds.ALPHA)
        verdicts.words.setdefault(kinds.ALPHA.name, {"alpha": facts.alpha})
    elif facts.view == "values" and facts.mode in _COLOUR_MODES and not is_declared:
        faults.append(kinds.GREY_IN_COLOUR)
    if facts.mode in ("I", "F"):
        faults.append(kinds.LONG)
    elif facts.mode.startswith("I;16") and num_classes <= VOID:
        faults.append(kinds.WIDE)
        verdicts.words.setdefault(kinds.WIDE.name, {"k": num_classes})
    return Verdict(tuple(faults), verdict.recoding, verdict.detail)
