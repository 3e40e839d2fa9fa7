"""Provider adapters: what a product publishes -> canonical events. One package per product.

An adapter knows one provider's payloads in all their versions and nothing of Beam, files or
the store. It exports one decoder, `decode_x(body, position, context) -> Message | DeadLetter`.
"""
