"""The node's doors over HTTP: F3548-21, our REST, the log, the mirror, exchange and pages."""

from luftrom.api.app import App, create_app

__all__ = ["App", "create_app"]
