"""A look at a user's folder: layout, classes, void and splits, and the `data.yaml` that says so."""

from deeplab.data.init.plan import Plan as Plan
from deeplab.data.init.plan import look as look
from deeplab.data.init.plan import write as write
from deeplab.data.init.wishes import Wishes as Wishes
