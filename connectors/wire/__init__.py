"""The wrappings in which records arrive: Confluent's wire format, CloudEvents, attributes beside
the bytes. What is inside goes on to `connectors.canonical` or to a provider's adapter."""
