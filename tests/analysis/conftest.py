import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from claster.analysis.baselines import local_features
from claster.dataset.layout import SPLITS, DatasetFolders, read_targets
from claster.dataset.manifest import Manifest, _SourceFile
from claster.dataset.spec import DatasetSpec
from claster.genome.windows import FORWARD, REVERSE, mirror, sample_id

COUNTS = {"train": 40, "valid": 10, "test": 20}


def _manifest(spec):
    genome = _SourceFile(path="genome.fa", bytes=1, modified_ns=0, sha256="")
    return Manifest(
        dataset=spec,
        sources={"genome": genome},
        versions={},
        genes_in=0,
        genes_kept={},
        genes_dropped={},
        shared_bp={},
        contacts_missing_mean=None,
        scales={},
        checksums={},
    )


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Small data; threads would only wait for each other where other tests run beside these."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture
def spec(tmp_path):
    return DatasetSpec.model_validate(
        {
            "name": "tiny",
            "assembly": "toy",
            "tracks": [{"name": "ATAC", "file": "a.bw"}, {"name": "H3K27ac", "file": "b.bw"}],
            "genes": {"file": "genes.gtf"},
            "window": {"bin": 100, "bins": 301},
            "target": {
                "bin": 1000,
                "bins": 21,
                "conditions": [
                    {"name": "ctrl", "file": "c.bw"},
                    {"name": "a485", "file": "d.bw"},
                ],
            },
        }
    ).within(tmp_path)


@pytest.fixture(scope="session")
def build():
    """Write a built dataset whose transcription follows a linear rule in the local signal, with noise."""

    def write(spec, *, seed=11, prefix="", test_chrom="chr3"):
        rng = np.random.default_rng(seed)
        folders = DatasetFolders.of(spec)
        folders.targets.mkdir(parents=True)
        genes, tables, truths = [], {}, {}
        for split, chrom in zip(SPLITS, ("chr1", "chr2", test_chrom), strict=True):
            signal = rng.gamma(0.2, 9, (COUNTS[split], 2, spec.window.bins)).astype(np.float32)
            features = local_features(signal, spec.window.binning, spec.target.binning)
            rule = [features[:, :, 1] + features[:, :, 7], 2 * features[:, :, 7]]
            truth = 2 ** (2 * np.stack(rule, axis=1)) - 1
            noisy = rng.poisson(truth).astype(np.float32)
            names = [f"{prefix}{split}{number}" for number in range(COUNTS[split])]
            samples = []
            folder = folders.arrays("landscape", split)
            folder.mkdir(parents=True)
            for number, name in enumerate(names):
                for orientation in (FORWARD, REVERSE):
                    samples.append(sample_id(name, orientation))
                    array = signal[number] if orientation == FORWARD else mirror(signal[number])
                    np.save(folder / f"{samples[-1]}.npy", array)
                tss = 50_000 + 8000 * number
                end = tss + int(rng.integers(300, 9000))
                genes.append((name, chrom, tss, end, "+", tss, split))
            folders.ids(split).write_text("".join(f"{sample}\n" for sample in samples))

            def frame(values, samples=samples):
                both = np.stack([values, mirror(values)], axis=1)
                index = pd.Index(samples, name="ID")
                return pd.DataFrame(
                    both.reshape(len(samples), -1), index=index, columns=spec.target.columns
                )

            tables[split], truths[split] = frame(noisy), frame(truth)
        pd.concat([tables["train"], tables["valid"]]).to_csv(folders.target_table("train"))
        tables["test"].to_csv(folders.target_table("test"))
        truths["test"].to_csv(folders.truth_table())
        columns = ["gene_id", "chrom", "start", "end", "strand", "tss", "split"]
        table = pd.DataFrame(genes, columns=columns).assign(type="protein_coding")
        table.assign(name=table["gene_id"]).to_csv(folders.genes, sep="\t", index=False)
        folders.manifest.write_text(_manifest(spec).model_dump_json())
        return read_targets(folders.truth_table())

    return write


@pytest.fixture
def project(tmp_path, spec, build):
    build(spec)
    return tmp_path


@pytest.fixture
def truth(project, spec):
    return read_targets(DatasetFolders.of(spec).truth_table())
