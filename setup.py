"""Builds the source distribution that Beam stages on workers (`--setup_file ./setup.py`).

Packages and data files are listed explicitly: with several top-level folders nothing is found
by chance. tests/test_packaging.py compares the list with the tree.
"""

from setuptools import setup

setup(
    packages=[
        "connectors",
        "connectors.deliveries",
        "connectors.exports",
        "connectors.files",
        "connectors.kafka",
        "connectors.providers",
        "connectors.providers.salesforce",
        "connectors.providers.stripe",
        "connectors.pubsub",
        "connectors.registries",
        "connectors.store",
        "connectors.store.closing",
        "connectors.store.migrations",
        "connectors.store.migrations.versions",
        "connectors.store.tables",
        "connectors.telemetry",
        "connectors.telemetry.lineage",
        "connectors.topics",
        "connectors.webhooks",
        "connectors.wire",
        "generator",
        "generator.depth",
        "ledger",
        "ledger.accounting",
        "ledger.closing",
        "ledger.events",
        "pipelines",
        "runners",
        "runners.commands",
        "runners.doctor",
        "schemas",
        "transforms",
    ],
    package_data={
        "connectors.deliveries": ["*.yaml"],
        "connectors.store.migrations": ["*.mako"],
        "ledger": ["packs/*.yaml"],
        "schemas": [
            "*.yaml",
            "*.lock",
            "common/*",
            "subjects/*/*",
            "subjects/*/examples/*/*/*.json",
        ],
    },
    include_package_data=False,
)
