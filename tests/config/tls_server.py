"""A Redis server behind TLS, and the certificates that it may show."""

import datetime
import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey
NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Signs certificates; its own, signed by ``parent`` or itself, lies in ``path``."""

    def __init__(
        self, directory: Path, name: str, parent: "Authority | None" = None
    ) -> None:
        self.directory = directory
        self.name = _name(name)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.path = directory / f"{name}.pem"
        signer = parent or self
        usage = x509.KeyUsage(*(at in (5, 6) for at in range(9)))
        builder = signer._builder(self.name, self.key, NOW + DAY)
        signed = (
            builder.add_extension(x509.BasicConstraints(True, None), critical=True)
            .add_extension(usage, critical=True)
            .sign(signer.key, hashes.SHA256())
        )
        self.path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def _builder(
        self, subject: x509.Name, key: Key, until: datetime.datetime
    ) -> x509.CertificateBuilder:
        identifier = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(until - 3 * DAY)
            .not_valid_after(until)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                    identifier
                ),
                False,
            )
        )

    def certificate(self, host: str, days: int = 1) -> Path:
        """A file with key and certificate of a host, valid for so many days more."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        signed = (
            self._builder(_name(host), key, NOW + days * DAY)
            .add_extension(names, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        path = self.directory / f"{host}{days}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + signed.public_bytes(serialization.Encoding.PEM)
        )
        return path


class TlsServer:
    """Hands every connection on to a server without TLS."""

    def __init__(self, certificate: Path, target: tuple[str, int]) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with suppress(OSError):
            secure = self._context.wrap_socket(plain, server_side=True)
            server = socket.create_connection(self._target)
            threading.Thread(
                target=self._copy, args=(server, secure), daemon=True
            ).start()
            self._copy(secure, server)

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
