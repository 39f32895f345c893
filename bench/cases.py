"""What bench/compare measures, and what must be reached: the only place where the bounds stand."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    kind: str
    arch: str
    batch: int
    size: int
    threads: int
    must: float  # best peer's least time over Vitrine's
    share: float | None = None  # of the peak of multiply-adds, where a bound is set

    @property
    def name(self):
        return f"{self.kind}-{self.arch}-{self.batch}x{self.size}"

    @property
    def title(self):
        return f"{self.arch}, {self.batch} × {self.size}, {self.threads} thread{'s' if self.threads > 1 else ''}"

    def options(self):
        return ["--arch", self.arch, "--batch", str(self.batch), "--size", str(self.size), "--threads", str(self.threads)]


CASES = [
    Case("infer", "b0", 1, 224, 1, must=1.15),
    Case("infer", "b0", 16, 224, 2, must=1.2, share=0.60),
    Case("infer", "b0", 1, 64, 1, must=1.25),
    Case("infer", "b0", 16, 64, 2, must=1.25),
    Case("infer", "lite0", 1, 224, 1, must=1.15),
    Case("infer", "b4", 16, 64, 2, must=1.15),
    Case("train", "b0", 16, 64, 2, must=2.7, share=0.40),
    Case("train", "b0", 16, 224, 2, must=2.0, share=0.45),
    Case("train", "b4", 16, 64, 2, must=2.5),
]


@dataclass
class Outcome:
    """What one library did in one case: a row of figures, or why there is none."""

    row: dict | None = None
    cell: str = ""  # for the table, where there is no row
    reason: str = ""


def chosen(names):
    known = {case.name: case for case in CASES}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"compare: there is no case '{unknown[0]}'; choose from {', '.join(known)}, photograph")
    return [known[name] for name in names]


def best_peer(case, outcomes, counted):
    """(library, least time) of the fastest of the libraries that count."""
    times = [(o.row["min_ms"], name) for name in counted if (o := outcomes.get((case, name))) and o.row]
    return (min(times)[1], min(times)[0]) if times else (None, None)


def ratio(case, outcomes, counted):
    own, (_, least) = outcomes[(case, "vitrine")].row, best_peer(case, outcomes, counted)
    return least / own["min_ms"] if least else None


def share(row):
    """`vitrine bench` divides by the median time; the table holds least times."""
    return row["share_of_peak"] * row["median_ms"] / row["min_ms"]


def missed(cases, outcomes, counted):
    """A sentence for each bound that is not held."""
    found = []
    for case in cases:
        if not outcomes[(case, "vitrine")].row:
            found.append(f"{case.name}: Vitrine was not measured: {outcomes[(case, 'vitrine')].reason}")
            continue
        value, (name, _) = ratio(case, outcomes, counted), best_peer(case, outcomes, counted)
        if value is None:
            found.append(f"{case.name}: no other library was measured, so that the ratio is unknown, {case.must} must be reached")
        elif value < case.must:
            found.append(f"{case.name}: {value:.3f} of {name}'s time, {case.must} must be reached")
        part = share(outcomes[(case, "vitrine")].row)
        if case.share and part < case.share:
            found.append(f"{case.name}: {100 * part:.1f} % of the peak, {100 * case.share:.0f} % must be reached")
    return found
