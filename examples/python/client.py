"""A client for Tributary's admin API: a connection with the token in every call, and the contract's classes."""

import importlib
import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import grpc
from grpc_tools import protoc

# Where the contract is. A project of your own holds a copy of this folder.
PROTO = Path(__file__).resolve().parents[2] / "proto"


def connect():
    """A connection to the API.

    `TRIBUTARY_ADDRESS` says where it is, `TRIBUTARY_TOKEN` is the admin token, and `TRIBUTARY_CA` the file of the
    certificate to trust, where the server speaks TLS. Without them: the server that was started in this folder.
    """
    address = os.environ.get("TRIBUTARY_ADDRESS", "127.0.0.1:8090")
    token = os.environ.get("TRIBUTARY_TOKEN") or Path("data/admin.token").read_text().strip()
    if certificate := os.environ.get("TRIBUTARY_CA"):
        trusted = grpc.ssl_channel_credentials(Path(certificate).read_bytes())
        channel = grpc.secure_channel(address, trusted)
    else:
        # Whoever is on the way can read the token: only for a server on this machine, or through a tunnel.
        channel = grpc.insecure_channel(address)
    return grpc.intercept_channel(channel, _Token(token))


class _Token(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Adds the token to every call."""

    def __init__(self, token):
        self._header = ("authorization", f"Bearer {token}")

    def intercept_unary_unary(self, proceed, details, request):
        return proceed(self._with_token(details), request)

    def intercept_unary_stream(self, proceed, details, request):
        return proceed(self._with_token(details), request)

    def _with_token(self, details):
        return details._replace(metadata=[*(details.metadata or ()), self._header])


def contract():
    """Everything that the contract names: its messages (`Tenant`, ...) and its services' stubs (`TenantServiceStub`, ...).

    It is compiled anew at each start, so that no generated file lies about. A larger project does that once:
    `python -m grpc_tools.protoc -I proto --python_out=. --grpc_python_out=. proto/tributary/admin/v1/*.proto`
    """
    files = sorted(file.relative_to(PROTO) for file in PROTO.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        includes = [f"-I{PROTO}", f"-I{Path(protoc.__file__).parent / '_proto'}"]
        outputs = [f"--python_out={folder}", f"--grpc_python_out={folder}"]
        if protoc.main(["protoc", *includes, *outputs, *map(str, files)]) != 0:
            sys.exit(f"the contract in {PROTO} cannot be compiled")
        sys.path.insert(0, folder)
        try:
            modules = [".".join(file.with_suffix("").parts) + end for file in files for end in ("_pb2", "_pb2_grpc")]
            return SimpleNamespace(**{
                name: value for module in modules for name, value in vars(importlib.import_module(module)).items()
            })
        finally:
            sys.path.remove(folder)
