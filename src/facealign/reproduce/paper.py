"""Every number of the paper's tables, as printed, and later published ones.

"The paper" is Yue, Miao, Wang, Zhang, Zhen, Cao: Attentional Alignment Network. Its numbers, and
so those here, are percentages; everywhere else in facealign an NME is a fraction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

PAPER = "the paper"


@dataclass(frozen=True)
class Part:
    """One column of a table.

    Attributes:
        title: the paper's heading.
        dataset, subset: the names of `facealign eval`.
    """

    title: str
    dataset: str
    subset: str


@dataclass(frozen=True)
class Benchmark:
    """One table of results.

    Attributes:
        title: its caption, without the number.
        parts: its columns.
        normaliser: what the paper's numbers are divided by, as far as known.
        others: further normalisers to give ours in.
        rows: method → a percentage for each part, None where the paper has a dash.
        published: (method, normaliser) → the same, from later papers.
        notes: what a reader must know about the numbers.
    """

    title: str
    parts: tuple[Part, ...]
    normaliser: str
    rows: Mapping[str, tuple[float | None, ...]]
    others: tuple[str, ...] = ()
    published: Mapping[tuple[str, str], tuple[float | None, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


SOURCES: Mapping[str, str] = {
    "AAN": "Yue et al.: the paper",
    "RCPR": "Burgos-Artizzu et al., ICCV 2013",
    "SDM": "Xiong and De la Torre, CVPR 2013",
    "ESR": "Cao et al., IJCV 2014",
    "GN-DPM": "Tzimiropoulos and Pantic, CVPR 2014",
    "ERT": "Kazemi and Sullivan, CVPR 2014",
    "CFAN": "Zhang et al., ECCV 2014",
    "LBF": "Ren et al., CVPR 2014",
    "CFSS": "Zhu et al., CVPR 2015",
    "MDM": "Trigeorgis et al., CVPR 2016",
    "TSCN": "Simonyan and Zisserman, NIPS 2014",
    "TCDCN": "Zhang et al., PAMI 2016",
    "TSTN": "Liu et al., PAMI 2017",
    "LAB": "Wu et al., CVPR 2018",
    "PFLD-112": "cunjian/pytorch_face_landmark",
    "MobileFaceNet-112": "cunjian/pytorch_face_landmark",
    "HRNet-W18": "Wang et al., PAMI 2020 (9.3 M parameters)",
    "AWing": "Wang et al., ICCV 2019",
    "SPIGA": "Prados-Torreblanca et al., BMVC 2022",
    "ADNet": "Huang et al., ICCV 2021",
    "STAR": "Zhou et al., CVPR 2023",
}
"""Method → where it was published; for the paper's baselines, as the paper cites them."""

AFLW = Benchmark(
    title="Performance comparison on AFLW",
    parts=(Part("Full", "aflw", "full"),),
    normaliser="box_size",
    rows={"AAN": (1.73,)},
    notes=("The paper's other rows are lost: our copy of its table 1 holds no text.",),
)

W300 = Benchmark(
    title="Performance comparison on 300W",
    parts=tuple(Part(name.title(), "300w", name) for name in ("common", "challenging", "full")),
    normaliser="inter_pupil",
    others=("inter_ocular",),
    rows={
        "RCPR": (6.18, 17.26, 8.35),
        "SDM": (5.57, 15.40, 7.52),
        "ESR": (5.28, 17.00, 7.58),
        "GN-DPM": (5.78, None, None),
        "ERT": (None, None, 6.40),
        "CFAN": (5.50, 16.78, 7.69),
        "LBF": (4.95, 11.98, 6.32),
        "CFSS": (4.73, 9.98, 5.76),
        "MDM": (4.83, 10.14, 5.88),
        "AAN": (4.38, 9.44, 5.39),
    },
    published={
        ("PFLD-112", "inter_ocular"): (3.49, None, None),
        ("MobileFaceNet-112", "inter_ocular"): (3.30, None, None),
        ("LAB", "inter_ocular"): (2.98, None, None),
        ("HRNet-W18", "inter_ocular"): (2.91, None, None),
        ("AWing", "inter_ocular"): (2.72, None, None),
        ("SPIGA", "inter_ocular"): (2.59, None, None),
        ("ADNet", "inter_ocular"): (2.53, None, None),
        ("STAR", "inter_ocular"): (2.52, None, None),
    },
    notes=(
        'The paper says "inter-ocular", but its rows are inter-pupil: CFSS and MDM have these '
        "numbers by the eye centres in their own papers.",
        "Published rows are the authors' numbers for the common subset; not measured here.",
    ),
)

CELEBA = Benchmark(
    title="Performance comparison on CelebA",
    parts=(Part("Test", "celeba", "test"),),
    normaliser="inter_pupil",
    rows={"RCPR": (4.12,), "SDM": (4.35,), "CFSS": (3.95,), "AAN": (2.99,)},
    notes=(
        'The paper says "inter-ocular"; five points mark eye centres only, so it is inter-pupil.',
        "The paper tests on 19,926 faces; the official test part has 19,962.",
    ),
)

VW300 = Benchmark(
    title="Performance comparison on 300VW",
    parts=tuple(Part(f"Category {n}", "300vw", f"category{n}") for n in (1, 2, 3)),
    normaliser="inter_ocular",
    others=("inter_pupil",),
    rows={
        "SDM": (7.41, 6.18, 13.04),
        "TSCN": (12.54, 7.25, 13.13),
        "CFSS": (7.68, 6.42, 13.67),
        "TCDCN": (7.66, 6.77, 14.98),
        "TSTN": (5.36, 4.51, 12.84),
        "AAN": (5.03, 4.82, 7.98),
    },
    notes=(
        'The paper says "inter-ocular"; in its table 2 that word means inter-pupil. Its '
        "meaning here could not be checked: ours are given in both.",
    ),
)

BENCHMARKS = {"table1": AFLW, "table2": W300, "table3": CELEBA, "table4": VW300}

VARIANTS: Mapping[str, str] = {
    "aan": "AAN",
    "no-attention": "w/o attention",
    "no-ne": "w/o NE layer",
    "neither": "w/o both",
    "eq2": "eq. 2",
    "map-no-relu": "map without ReLU",
    "no-supervision": "w/o supervision",
    "single-scale": "one map, last stage",
}
"""Variant, named as in recorded runs → its column in table 5; the paper's four come first."""

ABLATION: Mapping[tuple[str, str, str], Mapping[str, float]] = {
    faces: dict(zip(list(VARIANTS)[:4], values, strict=True))
    for faces, values in {
        ("aflw", "full", "box_size"): (1.73, 2.06, 1.78, 2.10),
        ("300vw", "category3", "inter_ocular"): (7.98, 9.38, 8.15, 9.60),
    }.items()
}
"""Table 5: (data set, subset, normaliser) → variant → percentage."""
