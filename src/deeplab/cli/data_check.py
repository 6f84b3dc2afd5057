"""`deeplab data check`: what is wrong with a data set, what to do, and a mended copy."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deeplab.cli.progress import show_progress

if TYPE_CHECKING:
    from deeplab.data.check import Checked
    from deeplab.data.findings import Finding

_COLOURS = {"error": typer.colors.RED, "warning": typer.colors.YELLOW, "note": typer.colors.CYAN}
_MOST_PLACES = 5


def check(
    data: Annotated[Path, typer.Argument(help="Folder of the data set, or its data.yaml.")],
    split: Annotated[
        list[str] | None, typer.Option(help="Check this split only; may be repeated.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Write a page with findings, class shares and overlays (.html)."),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended, on a copy.")] = False,
    target: Annotated[
        Path | None, typer.Option("--to", help="Folder for the mended copy; new or empty.")
    ] = None,
) -> None:
    """Check pictures, label maps, lists and splits; say what is wrong and what to do.

    Exit code 1 if there are errors (with --fix: in the copy), 0 if there are none.
    """
    from deeplab.data.check import check as check_data
    from deeplab.data.checks.page import make_page, say_counts

    if fix != (target is not None):
        raise ValueError("--fix and --to belong together: --fix --to FOLDER writes a mended copy")
    with show_progress("checking files", "files checked") as tell:
        checked = check_data(data, split or (), tell=tell)
    _print_findings(checked)
    if report is not None:
        make_page(checked).write(report)
        print(report)
    print(say_counts(checked))
    if target is not None:
        checked = _mend(checked, target)
    if checked.count("error"):
        raise typer.Exit(1)


def _mend(checked: "Checked", target: Path) -> "Checked":
    """Write the mended copy, say what was done, and check it."""
    from deeplab.data.check import check as check_data
    from deeplab.data.checks.page import say_counts
    from deeplab.data.mend import LOG_NAME, mend

    with show_progress("mending", "pictures written") as tell:
        log = mend(checked, target, tell=tell)
    print(f"\n{target}: a copy, in which {len(log)} things were mended ({target / LOG_NAME})")
    for fault, count in Counter(one.fault for one in log).most_common():
        first = next(one for one in log if one.fault == fault)
        print(
            f"  {fault} ({count}): {first.split}/{first.name} {first.done}" + ", ..." * (count > 1)
        )
    with show_progress("checking the copy", "files of the copy checked") as tell:
        mended = check_data(target, tell=tell)
    _print_findings(mended)
    print(f"the copy: {say_counts(mended)}")
    return mended


def _print_findings(checked: "Checked") -> None:
    for finding in checked.findings:
        _print_finding(finding)


def _print_finding(finding: "Finding") -> None:
    typer.secho(finding.severity, fg=_COLOURS[finding.severity], bold=True, nl=False)
    print(f": {finding.headline}  [{finding.kind.name}]")
    for place in finding.places[:_MOST_PLACES]:
        print(f"    {place}")
    if len(finding.places) > _MOST_PLACES:
        print(f"    ... {len(finding.places) - _MOST_PLACES} more")
    print(f"  {finding.meaning}.")
    print(f"  What to do: {finding.advice}.")
    if finding.is_mendable:
        print(f"  With --fix: {finding.remedy}.")
