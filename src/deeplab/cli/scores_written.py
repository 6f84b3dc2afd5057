"""The files that `deeplab evaluate` writes: which are wanted, what they need, and their names."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deeplab import whole_files

if TYPE_CHECKING:
    from deeplab.evaluation import Comparison, Evaluation, Intervals, MeasureName

_IN_FOLDER = {
    "json": "scores.json",
    "csv": "scores.csv",
    "pictures": "pictures.csv",
    "confusion": "confusion.png",
    "classes": "classes.png",
    "trimap": "trimap.png",
    "calibration": "calibration.png",
    "report": "report.html",
}
_DRAWN = ("confusion", "classes", "trimap", "calibration")
_WITH_NUMBERS = ("trimap", "calibration")  # these may be a .csv, and have one beside them


@dataclass(frozen=True)
class ScoreFiles:
    """Where to write what; None: not wanted.

    Attributes:
        json: All scores.
        csv: All scores.
        pictures: The scores of single pictures.
        confusion: A drawing.
        classes: A drawing of the IoU of each class.
        trimap: A drawing with its numbers beside it, or the numbers.
        calibration: A drawing with its numbers beside it, or the numbers.
        report: The page.
    """

    json: Path | None = None
    csv: Path | None = None
    pictures: Path | None = None
    confusion: Path | None = None
    classes: Path | None = None
    trimap: Path | None = None
    calibration: Path | None = None
    report: Path | None = None

    def with_all_in(self, folder: Path | None, *, but: Collection[str] = ()) -> "ScoreFiles":
        """Put all that is not placed yet into a folder.

        Args:
            folder: None leaves all as it is.
            but: Fields that are left as they are.
        """
        if folder is None:
            return self
        paths = {
            field: folder / name
            for field, name in _IN_FOLDER.items()
            if getattr(self, field) is None and field not in but
        }
        return replace(self, **paths)

    def check(self) -> None:
        """Make the folders now, and see what can be drawn: a long evaluation must not fail at it.

        Raises:
            ValueError: A path is a folder, or ends in something that cannot be written.
        """
        for field in fields(self):
            path: Path | None = getattr(self, field.name)
            if path is None:
                continue
            if path.is_dir():
                raise ValueError(f"{path} is a folder; give the name of a file to write")
            if field.name in (*_DRAWN, "report"):
                _check_name(path, field.name)
            path.parent.mkdir(parents=True, exist_ok=True)
        if self.report is not None:
            from deeplab.evaluation import report  # noqa: F401  # says now if the extra is missing

    def measures(self, weights: str, *, boundary: bool = False) -> tuple["MeasureName", ...]:
        """Say what has to be measured for these files.

        Args:
            weights: What is scored; the report of a folder of label maps has no calibration.
            boundary: Boundary IoU is wanted for itself.
        """
        from deeplab.evaluation import holds_masks

        has_report = self.report is not None
        wanted: dict[MeasureName, bool] = {
            "trimap": self.trimap is not None or has_report,
            "boundary": boundary or has_report,
            "calibration": self.calibration is not None
            or (has_report and not holds_masks(Path(weights))),
        }
        return tuple(name for name, is_wanted in wanted.items() if is_wanted)

    def write(
        self,
        evaluation: "Evaluation",
        intervals: "Intervals",
        *,
        about: Mapping[str, Any],
        title: str,
    ) -> None:
        """Write all of one network but the report.

        Args:
            evaluation: What was measured.
            intervals: Of its scores.
            about: What was evaluated and how, for the JSON file.
            title: What was scored on what, for the drawings.
        """
        from deeplab.evaluation import evaluation_to_csv, evaluation_to_json, pictures_to_csv

        about = dict(about)
        if evaluation.without_crf is not None:
            about["mean_iou_without_crf"] = evaluation.without_crf.scores.mean_iou
        _write(self.json, evaluation_to_json(evaluation, about, intervals))
        _write(self.csv, evaluation_to_csv(evaluation, intervals))
        _write(self.pictures, pictures_to_csv(evaluation.pictures))
        self._draw_scores(evaluation, intervals, title)
        kinds = {"without CRF": evaluation}
        if evaluation.without_crf is not None:
            kinds = {"without CRF": evaluation.without_crf, "with CRF": evaluation}
        self._write_curves(kinds, title)

    def write_comparison(
        self,
        comparison: "Comparison",
        evaluations: Mapping[str, "Evaluation"],
        *,
        about: Mapping[str, Any],
        title: str,
    ) -> None:
        """Write all of two networks but the report.

        Args:
            comparison: Of the two.
            evaluations: Both, by what they are called.
            about: What was evaluated and how, for the JSON file.
            title: What was scored on what, for the drawings.
        """
        from deeplab.evaluation import (
            comparison_to_csv,
            comparison_to_json,
            differences_to_csv,
        )

        _write(self.json, comparison_to_json(comparison, evaluations, about))
        _write(self.csv, comparison_to_csv(comparison))
        _write(self.pictures, differences_to_csv(comparison.pictures))
        self._write_curves(evaluations, title)

    def _draw_scores(self, evaluation: "Evaluation", intervals: "Intervals", title: str) -> None:
        if self.confusion is None and self.classes is None:
            return
        from deeplab.evaluation import plots, score_plots

        scores, before = evaluation.scores, evaluation.without_crf
        if self.confusion is not None:
            figure = score_plots.confusion_figure(scores.class_names, scores.confusion, title=title)
            plots.save_figure(figure, self.confusion)
        if self.classes is not None:
            figure = score_plots.class_iou_figure(
                scores.class_names,
                scores.class_iou,
                intervals=intervals.class_iou,
                before=None if before is None else before.scores.class_iou,
                title=title,
            )
            plots.save_figure(figure, self.classes)

    def _write_curves(self, kinds: Mapping[str, "Evaluation"], title: str) -> None:
        from deeplab.evaluation import curves_to_csv, reliabilities_to_csv

        if self.trimap is not None:
            curves = {name: one.trimap for name, one in kinds.items() if one.trimap is not None}
            _write(self.trimap.with_suffix(".csv"), curves_to_csv(curves))
            if self.trimap.suffix != ".csv":
                from deeplab.evaluation import plots

                plots.draw_trimap(self.trimap, curves, title=title)
        if self.calibration is not None:
            bins = {
                name: one.calibration for name, one in kinds.items() if one.calibration is not None
            }
            _write(self.calibration.with_suffix(".csv"), reliabilities_to_csv(bins))
            if self.calibration.suffix != ".csv":
                from deeplab.evaluation import plots, score_plots

                figure = score_plots.reliability_figure(bins, title=title)
                plots.save_figure(figure, self.calibration)


def _check_name(path: Path, option: str) -> None:
    """Find out now whether a file of this name can be written."""
    if option == "report":
        allowed: tuple[str, ...] = (".html",)
    elif option in _WITH_NUMBERS and path.suffix == ".csv":
        return
    else:
        from deeplab.evaluation import plots

        allowed = (*((".csv",) if option in _WITH_NUMBERS else ()), *plots.SUFFIXES)
    if path.suffix not in allowed:
        raise ValueError(
            f"--{option} {path}: the name of the file ends in one of {', '.join(allowed)}"
        )


def _write(path: Path | None, text: str) -> None:
    if path is not None:
        whole_files.write_atomically(path, lambda file: file.write(text.encode()))
