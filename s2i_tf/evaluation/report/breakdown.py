"""The measures by class and by the collection that the items are from, the worst first."""

from s2i_tf.evaluation.metrics import METRICS
from s2i_tf.evaluation.metrics.metric import Metrics
from s2i_tf.evaluation.metrics.tabular import Row, Table, share

_SIZES = {"recordings": "num_groups", "sounds": "num_sounds", "photos": "num_images"}


def breakdowns(metrics: Metrics) -> list[Table]:
    """A table by class, and one by collection where these are known, of all `metrics.json`."""
    columns = {
        title: rate
        for name, metric in METRICS.items()
        if metrics[name] is not None
        for title, rate in metric.rates(metrics[name]).items()
    }
    split = metrics["data"]["splits"]["eval"]
    found = []
    for title, parts, key in (
        ("By class", "classes", "per_class"),
        ("By collection", "sources", "per_source"),
    ):
        rows = []
        for name, sizes in split[parts].items():
            estimates = [rate[key].get(name) for rate in columns.values()]
            values = [one["value"] for one in estimates if one and one["value"] is not None]
            detail = ", ".join(f"{what}: {sizes[of]}" for what, of in _SIZES.items() if of in sizes)
            row = Row(name, [share(estimate) for estimate in estimates], detail)
            rows.append((sum(values) / len(values) if values else 2.0, name, row))
        if rows:
            ordered = [row for _, _, row in sorted(rows, key=lambda entry: entry[:2])]
            found.append(Table(title, list(columns), ordered))
    return found
