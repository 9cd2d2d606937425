"""The domain: nouns of agile text classification, free of orchestrator and registry."""
