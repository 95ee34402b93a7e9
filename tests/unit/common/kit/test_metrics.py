"""The registry renders, and every metric in it says what it means."""

from __future__ import annotations

from sluice_common.kit import metrics


def test_render_is_prometheus_text_with_the_version() -> None:
    """A scrape gets text that names the version which runs."""
    body, content_type = metrics.render()
    assert content_type.startswith("text/plain")
    assert f'sluice_build_info{{version="{metrics.version()}"}} 1.0' in body.decode()


def test_every_metric_has_a_meaning() -> None:
    """No metric is declared without its help text."""
    assert all(metric.documentation for metric in metrics.REGISTRY.collect())
