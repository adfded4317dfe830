"""What is inside a decrypted secret, by its kind: expiry, form, strength.

    check_kind("certificate", pem, now) -> [("GCM711", "the certificate for api.example.org expired on 2026-01-02", help)]

No message shows any of the value beyond what a certificate makes public. `cryptography` is loaded where a key or a
certificate has to be read; without it such a value raises ModuleNotFoundError.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gitconfigmgr.check.hygiene.judging import is_example

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Found = list[tuple[str, str, str]]

WRONG_USE = "GCM582"
WRONG_FORM, EXPIRED, EXPIRES, CHAIN, MISMATCH, WEAK = "GCM710", "GCM711", "GCM712", "GCM713", "GCM714", "GCM715"
SOON = timedelta(days=30)
PROVIDERS = {
    "anthropic": ("sk-ant-",),
    "openai": ("sk-",),
    "openrouter": ("sk-or-",),
    "google": ("AIza", "AQ."),
    "google_ai": ("AIza", "AQ."),
    "gemini": ("AIza", "AQ."),
    "huggingface": ("hf_", "api_org_"),
    "groq": ("gsk_",),
    "fireworks": ("fw_",),
    "replicate": ("r8_",),
    "xai": ("xai-",),
    "deepseek": ("sk-",),
    "perplexity": ("pplx-",),
    "nvidia": ("nvapi-",),
    "cerebras": ("csk-",),
    "databricks": ("dapi",),
    "pinecone": ("pcsk_",),
    "langsmith": ("lsv2_", "ls__"),
    "langfuse": ("sk-lf-",),
    "litellm": ("sk-",),
}
_REPLACE = "set it anew: `gitconfigmgr secret set`"
_RENEW = "renew it, and set the new one: `gitconfigmgr secret set`"
_WEAK_PASSWORDS = frozenset(
    [
        "password",
        "passwd",
        "secret",
        "admin",
        "root",
        "postgres",
        "mysql",
        "changeme",
        "123456",
        "12345678",
        "test",
        "guest",
    ]
)


def check_kind(kind: str, value: str, now: date | None, *, provider: str | None = None) -> Found:
    """Findings about a decrypted value as code, message and help; none for a kind that says nothing of the content.

    Without `now` nothing is said of dates.
    """
    check = _CHECKS.get(kind)
    if check is None:
        return []
    if not value.strip():
        return [(WRONG_FORM, f"the {_word(kind)} is empty", _REPLACE)]
    if kind == "api_key":
        return _api_key(value, now, provider)
    return check(value, now)


def is_object(kind: str, names: Iterable[str]) -> bool:
    """Whether a map with these keys is one secret of the kind, rather than a map of several."""
    return not _MEMBERS.get(kind, frozenset()).isdisjoint(names)


def check_pair(certificate: str, private_key: str) -> Found:
    """Whether a private key belongs to the first of some certificates."""
    from gitconfigmgr.check.hygiene import keypairs

    chain, key = keypairs.certificates(certificate), keypairs.private_key(private_key)
    if not chain or key is None or keypairs.belong(chain[0], key):
        return []
    return [(MISMATCH, f"the private key does not belong to the certificate for {keypairs.name(chain[0])}", _PAIR_HELP)]


_PAIR_HELP = "set both anew, from one issue of the certificate"


def _word(kind: str) -> str:
    return (
        kind.replace("_", " ")
        .replace("api", "API")
        .replace("ssh", "SSH")
        .replace("jwt", "JWT")
        .replace("oauth", "OAuth")
    )


# -- keys and tokens that are text -------------------------------------------------------------------------------------


def _api_key(value: str, now: date | None, provider: str | None) -> Found:
    data = _object(value)
    key = value if data is None else _first(data, "key", "api_key", "apiKey", "token")
    if not isinstance(key, str):
        return [(WRONG_FORM, "the API key is a map without `key`", _REPLACE)]
    name = (provider or str((data or {}).get("provider") or "")).lower()
    found = _line(key, "the API key") or _placeholder(key) or _for_admins(key) or _issuer(key, name)
    return found + _expiry(_first(data or {}, "expires_at", "expires", "expiry"), now, "the API key")


def _placeholder(key: str, what: str = "the API key") -> Found:
    return [(WRONG_FORM, f"{what} is a placeholder", _REPLACE)] if is_example(key.encode()) else []


def _for_admins(key: str) -> Found:
    """Keys that manage an organization: its members, budgets and other keys."""
    owner = next((name for head, name in _ADMIN.items() if key.startswith(head)), None)
    if owner is None:
        return []
    return [(WRONG_USE, f"the API key is an admin key of {owner}, and no key for requests", _FOR_REQUESTS)]


_ADMIN = {"sk-ant-admin": "Anthropic", "sk-admin-": "OpenAI"}
_FOR_REQUESTS = "set a key of a workspace or project: `gitconfigmgr secret set`"


def _admin_key(value: str, now: date | None) -> Found:
    data = _object(value)
    key = value if data is None else _first(data, "key", "api_key", "token")
    if not isinstance(key, str):
        return [(WRONG_FORM, "the admin key is a map without `key`", _REPLACE)]
    found = _line(key, "the admin key") or _placeholder(key, "the admin key")
    return found + _expiry(_first(data or {}, "expires_at", "expires", "expiry"), now, "the admin key")


def _issuer(key: str, name: str) -> Found:
    """Whether a key can be one of the provider that is named."""
    heads = PROVIDERS.get(name, ())
    if heads and not key.startswith(heads):
        return [(WRONG_FORM, f"the API key does not begin as one of {name} does: {' or '.join(heads)}", _REPLACE)]
    other = next((each for each, begin in _TELLING.items() if key.startswith(begin)), None)
    if name in {"openai", "deepseek", "litellm"} and other and other != name:
        return [(WRONG_FORM, f"the API key is one of {other}, not of {name}", _REPLACE)]
    return []


_TELLING = {"anthropic": "sk-ant-", "openrouter": "sk-or-", "langfuse": "sk-lf-", "openai": "sk-proj-"}


def _line(value: str, what: str) -> Found:
    if value != value.strip():
        return [(WRONG_FORM, f"{what} has spaces or a line end around it", f"{_REPLACE}, without them")]
    if re.search(r"\s", value):
        return [(WRONG_FORM, f"{what} has spaces or line ends in it", _REPLACE)]
    if value.lower().startswith("bearer"):
        return [(WRONG_FORM, f"{what} begins with the word Bearer", f"{_REPLACE}, without it")]
    return []


def _oauth_token(value: str, now: date | None) -> Found:
    data = _object(value)
    if data is None:
        return _line(value, "the OAuth token") or _claims_expiry(value, now)
    token = _first(data, "access_token", "refresh_token", "token")
    if not isinstance(token, str):
        return [(WRONG_FORM, "the OAuth token is a map without `access_token`", _REPLACE)]
    if "refresh_token" in data:
        return []  # what renews itself may be old
    return _expiry(_first(data, "expires_at", "expiry"), now, "the OAuth token") or _claims_expiry(token, now)


def _claims_expiry(token: str, now: date | None) -> Found:
    from base64 import urlsafe_b64decode

    parts = token.split(".")
    if len(parts) != 3 or not token.startswith("eyJ"):
        return []
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return [(WRONG_FORM, "the token looks like a JSON web token and cannot be read", _REPLACE)]
    return _expiry(claims.get("exp") if isinstance(claims, dict) else None, now, "the token")


def _expiry(moment: Any, now: date | None, what: str) -> Found:
    if moment is None:
        return []
    try:
        if isinstance(moment, (int, float)):
            day = datetime.fromtimestamp(moment, UTC).date()
        else:
            day = datetime.fromisoformat(str(moment)).date()
    except (ValueError, OverflowError, OSError):
        return [(WRONG_FORM, f"the expiry of {what} is no date", "write it as 2026-12-31")]
    return _until(day, now, what)


def _until(day: date, now: date | None, what: str) -> Found:
    if now is None:
        return []
    if day < now:
        return [(EXPIRED, f"{what} expired on {day}", _RENEW)]
    if day - now <= SOON:
        return [(EXPIRES, f"{what} expires on {day}", _RENEW)]
    return []


# -- credentials -------------------------------------------------------------------------------------------------------


def _database_credentials(value: str, now: date | None) -> Found:  # noqa: ARG001 - one signature for all kinds
    from urllib.parse import urlsplit

    data = _object(value)
    if data is not None:
        user, password = _first(data, "username", "user"), _first(data, "password")
    elif "://" in value:
        try:
            url = urlsplit(value.strip())
            user, password = url.username, url.password
        except ValueError:
            return [
                (
                    WRONG_FORM,
                    "the database URL cannot be read",
                    f"{_REPLACE}; characters such as @ and / are written %40 and %2F",
                )
            ]
    else:
        user, colon, password = value.strip().partition(":")
        if not colon:
            return []  # a password alone
    if not user or not password:
        missing = "password" if user else "user"
        return [(WRONG_FORM, f"the database credentials have no {missing}", _REPLACE)]
    if str(password).lower() in _WEAK_PASSWORDS or password == user:
        return [
            (
                WEAK,
                "the database password is one that everybody tries first",
                "change it in the database, then set it here",
            )
        ]
    return []


_CLOUDS = (
    ("AWS", ("aws_access_key_id", "access_key_id", "AccessKeyId"), ("aws_secret_access_key", "secret_access_key", "SecretAccessKey")),
    ("Azure", ("tenant_id", "tenantId", "AZURE_TENANT_ID"), ("client_secret", "clientSecret", "AZURE_CLIENT_SECRET")),
)  # fmt: skip


def _cloud_credentials(value: str, now: date | None) -> Found:
    data = _object(value)
    if data is None:
        data = dict(re.findall(r"^\s*(?:export\s+)?([A-Za-z_]+)\s*[=:]\s*(\S+)\s*$", value, re.MULTILINE))
        data = {name.lower() if name.lower().startswith("aws_") else name: text for name, text in data.items()}
    if data.get("type") == "service_account":
        return _service_account(data)
    for cloud, first, second in _CLOUDS:
        have = [any(data.get(name) for name in names) for names in (first, second)]
        if any(have):
            expiry = _expiry(_first(data, "expiration", "Expiration", "expires_at"), now, f"the {cloud} credentials")
            missing = first[0] if not have[0] else second[0]
            return expiry if all(have) else [(WRONG_FORM, f"the {cloud} credentials have no {missing}", _REPLACE)]
    return [
        (
            WRONG_FORM,
            "the cloud credentials are of no form that is known: AWS, Azure or a Google service account",
            _REPLACE,
        )
    ]


def _service_account(data: dict[str, Any]) -> Found:
    from gitconfigmgr.check.hygiene import keypairs

    missing = [name for name in ("client_email", "private_key", "project_id") if not data.get(name)]
    if missing:
        return [(WRONG_FORM, f"the Google service account has no {missing[0]}", _REPLACE)]
    if keypairs.private_key(str(data["private_key"])) is None:
        return [(WRONG_FORM, "the private key of the Google service account cannot be read", _REPLACE)]
    return []


def _object(value: str) -> dict[str, Any] | None:
    if not value.lstrip().startswith("{"):
        return None
    try:
        data = json.loads(value)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _first(data: dict[str, Any], *names: str) -> Any:
    return next((data[name] for name in names if data.get(name) is not None), None)


# -- keys and certificates ---------------------------------------------------------------------------------------------


def _certificate(value: str, now: date | None) -> Found:
    from gitconfigmgr.check.hygiene import keypairs

    return keypairs.check_chain(value, now, _until)


def _ssh_key(value: str, now: date | None) -> Found:  # noqa: ARG001 - one signature for all kinds
    from gitconfigmgr.check.hygiene import keypairs

    return keypairs.check_ssh(value)


def _jwt_signing_key(value: str, now: date | None) -> Found:  # noqa: ARG001 - one signature for all kinds
    from gitconfigmgr.check.hygiene import keypairs

    return keypairs.check_signing(value, _object(value))


_CHECKS: dict[str, Callable[[str, date | None], Found]] = {
    "api_key": lambda value, now: _api_key(value, now, None),
    "admin_key": _admin_key,
    "database_credentials": _database_credentials,
    "certificate": _certificate,
    "ssh_key": _ssh_key,
    "oauth_token": _oauth_token,
    "jwt_signing_key": _jwt_signing_key,
    "cloud_credentials": _cloud_credentials,
}
_MEMBERS = {
    "api_key": frozenset(("key", "api_key", "apiKey", "expires_at")),
    "admin_key": frozenset(("key", "expires_at")),
    "oauth_token": frozenset(("access_token", "refresh_token")),
    "database_credentials": frozenset(("username", "user", "password")),
    "cloud_credentials": frozenset(("type", *(name for _, *names in _CLOUDS for each in names for name in each))),
    "jwt_signing_key": frozenset(("kty",)),
}
KINDS = frozenset(_CHECKS) | {"generic"}
