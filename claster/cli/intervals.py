"""`claster intervals`: how sure each prediction is."""

from claster.analysis.settings import IntervalSettings
from claster.cli.arguments import RunFolderPath
from claster.cli.complaint import echo
from claster.cli.options import takes


@takes(IntervalSettings)
def intervals(
    run: RunFolderPath,
    *,
    settings: IntervalSettings,
) -> None:
    """Put an interval around each predicted bin and gene, calibrated on the validation genes."""
    from claster.analysis.intervals import predict_intervals
    from claster.cli.console import console_progress

    path, genes, covered = predict_intervals(run, settings, progress=console_progress())
    if len(covered):
        for row in covered[covered["by"] == "all"].itertuples():
            echo(
                f"{row.condition}: {settings.level:.0%} intervals hold {row.covered:.1%} of the {row.level}s "
                f"(95 % interval {row.low:.1%} to {row.high:.1%}), mean width {row.width:.2f} (log2)"
            )
    of_one = genes[genes["condition"] == genes["condition"].iloc[0]]
    if unlike := int(of_one["unlike"].sum()):
        echo(
            f"{unlike:,} of {len(of_one):,} genes have chromatin unlike that of the training genes (column "
            "'unlike'): expect larger errors than their intervals say"
        )
    echo(f"intervals: {path.with_suffix('.low.parquet')}, {path.with_suffix('.high.parquet')}")
