"""Certificate authorities and what they sign, by openssl."""
import subprocess

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def _openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class Authority:
    """In a folder of its own; `name` is its common name."""

    def __init__(self, folder, name):
        self.folder = folder
        folder.mkdir()
        self.certificate = folder / "ca.pem"
        _openssl("req", "-x509", *_NEW_KEY, "-days", 2, "-subj", f"/CN={name}", "-keyout", folder / "ca.key",
                 "-out", self.certificate)

    def flags(self, role, authority=None):
        """Of a program with a certificate of vecferry-`role`, which trusts `authority`: this one unless another is given."""
        certificate, key, request = (self.folder / f"{role}.{ending}" for ending in ("pem", "key", "request"))
        if not certificate.exists():
            _openssl("req", *_NEW_KEY, "-subj", f"/CN=vecferry-{role}", "-keyout", key, "-out", request)
            _openssl("x509", "-req", "-days", 2, "-CAcreateserial", "-in", request, "-CA", self.certificate,
                     "-CAkey", self.folder / "ca.key", "-out", certificate)
        return ["--tls-cert", str(certificate), "--tls-key", str(key),
                "--tls-ca", str((authority or self).certificate)]
