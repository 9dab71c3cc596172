"""A strict reader of Prometheus' text format 0.0.4: what is not exactly right is an error."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

_HELP = re.compile(r"# HELP ([a-z][a-z0-9_]*) (\S.*)")
_TYPE = re.compile(r"# TYPE ([a-z][a-z0-9_]*) (counter|gauge|histogram)")
_SAMPLE = re.compile(r"([a-z][a-z0-9_]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-z][a-z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
_VALUE = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?|\+Inf|-Inf|NaN")

Labels = frozenset[tuple[str, str]]


@dataclass
class Family:
    """One figure with all its samples, by the whole name and labels of each."""

    kind: str
    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)


@dataclass
class Exposition:
    """Everything that one answer told."""

    families: dict[str, Family]

    def value(self, name: str, **labels: str) -> float:
        """The sample of exactly these labels; 0.0 where it is not told yet."""
        wanted = (name, frozenset(labels.items()))
        found = [f.samples[wanted] for f in self.families.values() if wanted in f.samples]
        return found[0] if found else 0.0


def read(text: str) -> Exposition:
    """Parse, and check order, names, duplicates and the sums of histograms."""
    assert text.endswith("\n"), "the last line does not end"
    families: dict[str, Family] = {}
    name = helped = ""
    for line in text.splitlines():
        if match := _HELP.fullmatch(line):
            helped = match[1]
        elif match := _TYPE.fullmatch(line):
            name = match[1]
            assert name == helped, f"{name} has no help before its type"
            assert name not in families, f"{name} is told in two places"
            families[name] = Family(match[2])
        else:
            _add(families[name], name, line)
    for name, family in families.items():
        if family.kind == "histogram":
            _check_histogram(name, family)
    return Exposition(families)


def _add(family: Family, name: str, line: str) -> None:
    match = _SAMPLE.fullmatch(line)
    assert match is not None, f"not a sample: {line}"
    assert _VALUE.fullmatch(match[3]), f"not a value: {line}"
    ends = ("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",)
    assert match[1] in {name + end for end in ends}, f"{line} stands under {name}"
    assert family.kind != "counter" or name.endswith("_total"), f"counter {name} is no total"
    pairs = _LABEL.findall(match[2] or "")
    assert ",".join(f'{key}="{value}"' for key, value in pairs) == (match[2] or ""), line
    assert len({key for key, _ in pairs}) == len(pairs), f"a label twice: {line}"
    sample = (match[1], frozenset(pairs))
    assert sample not in family.samples, f"told twice: {line}"
    family.samples[sample] = float(match[3])


def _check_histogram(name: str, family: Family) -> None:
    """Buckets grow, and the last one is the count."""
    groups: dict[Labels, list[tuple[float, float]]] = {}
    for (sample, labels), value in family.samples.items():
        if sample.endswith("_bucket"):
            rest = frozenset(pair for pair in labels if pair[0] != "le")
            groups.setdefault(rest, []).append((float(dict(labels)["le"]), value))
    for labels, buckets in groups.items():
        buckets.sort()
        counts = [count for _, count in buckets]
        assert counts == sorted(counts), f"{name} {labels} shrinks"
        assert buckets[-1] == (math.inf, family.samples[(f"{name}_count", labels)])
        assert (f"{name}_sum", labels) in family.samples
