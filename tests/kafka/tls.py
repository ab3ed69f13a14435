"""Certificates of a certificate authority that is made for one run of the tests. Needs openssl."""
import subprocess
from pathlib import Path

from waiting import Failed

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
OPENSSL_SECONDS = 30


class Authority:
    """Made in a folder of its own. `ca` is the file that clients trust."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.ca = self.folder / "ca.pem"
        openssl("req", "-x509", *KEY, "-keyout", self.folder / "ca.key", "-out", self.ca, "-days", "2", "-subj", "/CN=made for a test")

    def certificate(self, host):
        """A file with key and certificate of a host, as Kafka's `ssl.keystore.type=PEM` wants it."""
        key, request, signed, extension = (self.folder / f"{host}.{kind}" for kind in ("key", "csr", "crt", "ext"))
        extension.write_text(f"subjectAltName=DNS:{host}\n", encoding="utf-8")
        openssl("req", *KEY, "-keyout", key, "-out", request, "-subj", f"/CN={host}")
        signer = ["-CA", self.ca, "-CAkey", self.folder / "ca.key", "-CAcreateserial"]
        openssl("x509", "-req", "-in", request, *signer, "-out", signed, "-days", "2", "-extfile", extension)
        both = self.folder / f"{host}.pem"
        both.write_text(key.read_text(encoding="utf-8") + signed.read_text(encoding="utf-8"), encoding="utf-8")
        return both


def openssl(*args):
    ran = subprocess.run(["openssl", *args], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=OPENSSL_SECONDS)
    if ran.returncode != 0:
        raise Failed(f"openssl {args[0]} ended with {ran.returncode}: {ran.stderr.strip()}")
