"""TLS, client certificates, and tokens of identity providers."""

from __future__ import annotations

import base64
import json
import ssl
import time

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gitconfigmgr.errors import UsageError
from gitconfigmgr.release import layout
from gitconfigmgr.server.identities import Identities, read_identities
from tests.endpoint.authority import Authority
from tests.endpoint.conftest import CHAT, SEARCH

TIMESTAMP = f"/acme/{layout.TIMESTAMP}"
ISSUER = "https://idp.example.com"


def bundle_of(target):
    return f"/acme/v1/b/{target.namespace}/{target.environment}"


def test_tls_is_1_3_and_nothing_older(served, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.server()
    served.start("--tls-cert", str(certificate), "--tls-key", str(key))
    served.tls = authority.client()
    assert served.ask(TIMESTAMP, served.token()).status == 200
    served.tls.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        served.ask("/health/live")
    served.tls = None
    with pytest.raises(OSError):
        served.ask("/health/live")


def test_a_client_certificate_decides_what_may_be_read(served, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.server()
    settings = tmp_path / "endpoint.toml"
    settings.write_text(
        f'[[certificates]]\nuri = "spiffe://acme/agents/*"\ntenant = "acme"\nnamespaces = ["{CHAT.namespace}"]\n'
        '[[certificates]]\ncommon_name = "globex-1"\ntenant = "globex"\n'
    )
    served.start(
        "--tls-cert", str(certificate), "--tls-key", str(key), "--client-ca", str(authority.file), "--identities", str(settings),
    )  # fmt: skip
    served.tls = authority.client(*authority.issue("one", x509.UniformResourceIdentifier("spiffe://acme/agents/one")))
    for _ in range(2):
        assert served.ask(bundle_of(CHAT)).status == 200
        assert served.ask(bundle_of(SEARCH)).status == 403
    assert served.ask(bundle_of(SEARCH), served.token()).status == 200
    served.tls = authority.client(*authority.issue("globex-1"))
    assert served.ask(bundle_of(CHAT)).status == 403
    served.tls = authority.client(*authority.issue("nobody"))
    assert served.ask(bundle_of(CHAT)).status == 401
    served.tls = authority.client()
    assert served.ask("/health/ready").status == 200
    assert served.ask(bundle_of(CHAT), served.token()).status == 401
    stranger = Authority(tmp_path, "other")
    served.tls = authority.client(*stranger.issue("two", x509.UniformResourceIdentifier("spiffe://acme/agents/two")))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        served.ask(bundle_of(CHAT))


class Provider:
    """An identity provider, as far as its keys and its tokens go."""

    def __init__(self, folder):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / "jwks.json"
        self.write("one")
        self.settings = folder / "endpoint.toml"
        self.settings.write_text(
            f'[[issuers]]\nissuer = "{ISSUER}"\naudience = "endpoint"\njwks = "jwks.json"\n'
            '[[issuers.grants]]\nclaims = { repository = "acme/config", ref = "refs/heads/*" }\ntenant = "acme"\n'
            f'scopes = ["read"]\nnamespaces = ["{CHAT.namespace}"]\n'
        )

    def write(self, kid):
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        self.file.write_text(json.dumps({"keys": [public | {"kid": kid, "alg": "ES256", "use": "sig"}]}))

    def token(self, key=None, alg="ES256", kid="one", **claims):
        said = {
            "iss": ISSUER, "aud": "endpoint", "sub": "job-1", "exp": time.time() + 600, "repository": "acme/config",
            "ref": "refs/heads/main",
        } | claims  # fmt: skip
        said = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(said, key or self.key, alg, headers={"kid": kid})


def unsigned(token):
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode().rstrip("=")
    return f"{head}.{token.split('.')[1]}."


def test_tokens_of_an_identity_provider(served, tmp_path):
    provider = Provider(tmp_path)
    served.start("--identities", str(provider.settings), "--address-rate", "0")
    token = provider.token()
    for _ in range(2):
        assert served.ask(bundle_of(CHAT), token).status == 200
        assert served.ask(bundle_of(SEARCH), token).status == 403
    other = ec.generate_private_key(ec.SECP256R1())
    refused = {
        "another key": provider.token(other),
        "a secret instead of a key": jwt.api_jws.PyJWS().encode(b"{}", "x" * 32, "HS256"),
        "no signature": unsigned(provider.token()),
        "another issuer": provider.token(iss="https://evil.example.com"),
        "another audience": provider.token(aud="somewhere"),
        "over": provider.token(exp=time.time() - 3600),
        "no end": provider.token(exp=None),
        "no subject": provider.token(sub=None),
        "not yet": provider.token(nbf=time.time() + 3600),
        "another repository": provider.token(repository="evil/config"),
        "a longer name": provider.token(repository="acme/config-2"),
        "a tag": provider.token(ref="refs/tags/main"),
        "an unknown key": provider.token(kid="two"),
        "another kind of key": provider.token(rsa.generate_private_key(65537, 2048), "RS256"),
        "too long": provider.token(more="x" * 10_000),
        "no token": "a.b.c",
    }
    for why, shown in refused.items():
        answer = served.ask(bundle_of(CHAT), shown)
        assert answer.status == 401, why
        assert shown not in answer.body.decode()
    short = provider.token(exp=time.time() + 1 - 30)  # within the leeway for clocks, and over at once
    assert served.ask(bundle_of(CHAT), short).status == 401


def test_the_file_says_what_is_wrong_with_it(tmp_path):
    path = tmp_path / "endpoint.toml"
    issuer = f'[[issuers]]\nissuer = "{ISSUER}"\naudience = "a"\n'
    grant = '[[issuers.grants]]\nclaims = { sub = "x" }\ntenant = "acme"\n'
    wrong = [
        "x = 1", "[[issuers]]", issuer, issuer + '[[issuers.grants]]\nclaims = {}\ntenant = "acme"',
        issuer.replace("https", "http") + grant, issuer + grant + 'scopes = ["all"]', issuer + grant + "namespaces = []",
        issuer + grant.replace("acme", "../x"), '[[certificates]]\ntenant = "acme"', "not toml", issuer + grant + "typo = 1",
    ]  # fmt: skip
    for text in wrong:
        path.write_text(text)
        with pytest.raises(UsageError) as caught:
            read_identities(path)
        assert str(path) in str(caught.value)
    path.write_text(issuer + grant)
    assert read_identities(path).issuers[0].grant({"sub": "x"}).tenant == "acme"
    assert read_identities(path).issuers[0].grant({"sub": ["y", "x"]}).tenant == "acme"
    assert read_identities(path).issuers[0].grant({"sub": 1}) is None
    assert Identities().of_certificate({}) is None
