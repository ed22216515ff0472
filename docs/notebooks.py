"""The notebooks of `scripts/` as pages, with the outputs that they carry."""

import json
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "scripts"


def copy_notebooks(folder):
    """Copy notebooks into `notebooks/` below a folder, links corrected, and list them in its `index.md`."""
    out = folder / "notebooks"
    out.mkdir(exist_ok=True)
    rows = []
    for path in sorted(SCRIPTS.glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                text = "".join(cell["source"])
                cell["source"] = text.replace("](../docs/", "](../").replace("](../scripts/", "](")
        title = next(
            line.removeprefix("# ").strip()
            for cell in notebook["cells"]
            for line in "".join(cell["source"]).splitlines()
            if line.startswith("# ")
        )
        (out / path.name).write_text(json.dumps(notebook), encoding="utf-8")
        rows.append((path.stem, title))
    listed = "\n".join(
        f"- [{title}]({stem}.ipynb) (`scripts/{stem}.ipynb`)" for stem, title in rows
    )
    tree = "\n".join(stem for stem, _ in rows)
    (out / "index.md").write_text(
        f"# Notebooks\n\nWith the outputs of their last run, on simulated genomes.\n\n{listed}\n\n"
        f"```{{toctree}}\n:hidden:\n\n{tree}\n```\n",
        encoding="utf-8",
    )
