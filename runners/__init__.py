"""How a pipeline is started: the `crossfoot` command and one script per engine."""
