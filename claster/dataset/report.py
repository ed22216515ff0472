"""A build in words."""

from claster.dataset.build import BuildResult
from claster.genome.selection import DROP_REASONS

__all__ = ["build_lines"]


def build_lines(result: BuildResult) -> list[str]:
    """Return what came out of a build: genes in, kept, dropped with reasons, shared bases."""
    manifest, folders = result.manifest, result.folders
    kept = manifest.genes_kept
    lines = [f"{folders.inputs} is up to date"] if result.reused else []
    lines.append(
        f"{manifest.genes_in} genes in: {sum(kept.values())} kept "
        f"({', '.join(f'{n} {split}' for split, n in kept.items())}), "
        f"{sum(manifest.genes_dropped.values())} dropped"
    )
    lines += [f"  {n:>6} {DROP_REASONS[reason]}" for reason, n in manifest.genes_dropped.items()]
    shared = ", ".join(f"{pair} {bases:,} bp" for pair, bases in manifest.shared_bp.items())
    lines.append(f"input windows share: {shared}")
    lines.append(f"arrays: {folders.inputs}   targets: {folders.targets}")
    return lines
