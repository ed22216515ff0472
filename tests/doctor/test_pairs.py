"""What is found when plus and minus are held against each other and the genes."""

import numpy as np

PAIR = "target ctrl"


def stranded(make, genes, own, other):
    """Write plus and minus with `own` on the gene's strand and `other` on the other one."""

    def values(mine):
        def level(starts):
            found = np.full(starts.size, 0.0)
            for row in genes:
                _, start, end, *_, strand = row.split("\t")[:6]
                inside = (starts >= int(start)) & (starts < int(end))
                found[inside] = own if strand == mine else other
            return found

        return level

    make.track("plus.bw", values=values("+"))
    make.track("minus.bw", values=values("-"), sign=-1.0)


def test_sense_signal(examine, make, one):
    stranded(make, make.genes({"chr1": 400_000}), 9.0, 1.0)
    finding = one(examine(), PAIR, "sense")
    assert finding.verdict == "fine"
    assert "median of 90 % of the signal" in finding.evidence


def test_exchanged_strands_look_it(examine, make, one):
    stranded(make, make.genes({"chr1": 400_000}), 1.0, 9.0)
    finding = one(examine(), PAIR, "sense")
    assert finding.verdict == "note"
    assert finding.evidence.endswith("plus and minus look exchanged")


def test_strands_of_different_depth(examine, make, one):
    make.track("plus.bw", values=lambda s: np.full(s.size, 12.0))
    make.track("minus.bw", values=lambda s: np.full(s.size, 3.0), sign=-1.0)
    finding = one(examine(), PAIR, "balance")
    assert finding.verdict == "warning"
    assert finding.evidence == "mean 12 on plus and 3 on minus: plus is 4 times larger"


def test_nothing_is_said_of_a_pair_with_a_fault(examine, make):
    make.track("minus.bw")
    assert examine().of(PAIR) == []
