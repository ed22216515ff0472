"""A toy genome small enough to be made once for all tests here."""

import pandas as pd
import pytest

from claster.simulation import ToyGenome, simulate_genome

TINY = {"chromosomes": 2, "megabases": 6.0, "genes": 24}


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ToyGenome:
    return simulate_genome(tmp_path_factory.mktemp("toy") / "genome", seed=5, **TINY)


@pytest.fixture(scope="session")
def genes(tiny: ToyGenome) -> pd.DataFrame:
    return pd.read_csv(tiny.folder / "truth" / "genes.tsv", sep="\t")


@pytest.fixture(scope="session")
def elements(tiny: ToyGenome) -> pd.DataFrame:
    return pd.read_csv(tiny.folder / "truth" / "elements.tsv", sep="\t")


@pytest.fixture(scope="session")
def profiles(tiny: ToyGenome) -> pd.DataFrame:
    return pd.read_parquet(tiny.folder / "truth" / "profiles.parquet")
