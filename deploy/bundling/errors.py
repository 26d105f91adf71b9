"""What can go wrong while a bundle is collected."""


class BundleError(RuntimeError):
    """A bundle cannot be made; str() says what is wrong, what was expected and what to do."""
