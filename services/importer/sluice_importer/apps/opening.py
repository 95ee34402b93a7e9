"""Calls to an app as the configuration names it."""

from __future__ import annotations

from sluice_arr import App
from sluice_common.kit.settings import AppSettings


def opened(settings: AppSettings) -> App:
    """A context manager; nothing is sent yet."""
    assert settings.type is not None, "settings name the kind of every app"
    return App(settings.type, settings.url, settings.api_key.get_secret_value())
