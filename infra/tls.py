"""What a server shows who connects over TLS."""

import ssl
from pathlib import Path

from infra.errors import ConfigurationError


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """The context of a certificate chain and its key, both PEM. Raises ConfigurationError."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(
            f"cannot use the certificate {certificate} with the key {key}: {error}"
        ) from error
    return context
