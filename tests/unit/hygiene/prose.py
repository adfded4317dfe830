"""Text that is no key: prose, prompts, code, configuration, hashes, identifiers, images, encrypted values."""

from __future__ import annotations

import hashlib
import string
from base64 import b64encode
from typing import TYPE_CHECKING

from .keys import BASE62, HEX, drawn, uuid

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

TUTORIAL = (  # of jwt.io
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
    "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ",
    "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
)
WORDS = (  # noqa: SIM905 - a list of words reads best as text
    "the a an of to in is you are assistant answer question customer order model risk task desk disk ask mask token "
    "key secret password azure openai mistral cohere anthropic together wandb aws bedrock gateway prompt system never "
    "reveal policy refund invoice latency budget cache prefix suffix sk-learn sk-SK hf_hub fw_rules csk-style eyJ gsk "
    "AIza-prefixed dapi AKIA ghp r8 xai pplx nvapi deepgram elevenlabs summary translate Slovak risk-based task-list"
).split()
PLACEHOLDERS = (
    "sk-...", "sk-your-api-key-here", "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "sk-1234", "sk-proj-...", "your-api-key",
    "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "<OPENAI_API_KEY>", "${OPENAI_API_KEY}", "$OPENAI_API_KEY", "changeme",
    "vault:kv/llm/openai#api_key", "env:OPENAI_API_KEY", "AKIAIOSFODNN7EXAMPLE", "sk-ant-api03-...",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "sk-ant-your-anthropic-key-goes-here-please-replace-me",
    "{{ secrets.OPENAI_API_KEY }}", "AIzaSyXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "sk-1234567890abcdef1234567890abcdef", "sk-this-is-not-a-real-key-at-all", "sk-abcdefghijklmnopqrstuvwx",
    "sk-proj-example-0000-0000-0000-0000-0000-0000-000000", "gsk_your_groq_key_goes_in_this_place_if_you_have_it",
    ".".join(TUTORIAL),
    "-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----\\nMIIE...\\n-----END RSA PRIVATE KEY-----",
    "AGE-SECRET-KEY-1...", "AGE-SECRET-KEY-1XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
    "-----BEGIN CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----",
)  # fmt: skip
URLS = (
    "postgresql://user:password@localhost/db", "postgres://postgres:postgres@db:5432/app", "redis://localhost:6379/0",
    "mysql://root:${MYSQL_PASSWORD}@db/app", "mongodb://<user>:<password>@cluster0.mongodb.net", "https://a:b@c.org",
    "postgresql://chat:{password}@db.internal/chat", "amqp://guest:guest@rabbit:5672//", "redis://:changeme@cache:6379",
    "postgresql://chat:$PGPASSWORD@db.internal/chat", "postgresql+psycopg://app:%(password)s@db/app",
    "postgresql://chat:ENC[AES256_GCM]@db.internal/chat", "mysql://app:***@db/app", "https://x.openai.azure.com/v1",
)  # fmt: skip


def sentence(random: Random) -> str:
    return " ".join(random.choices(WORDS, k=random.randint(5, 24))).capitalize() + "."


def image(random: Random) -> str:
    return f"![logo](data:image/png;base64,{b64encode(random.randbytes(random.randint(60, 600))).decode()})"


def token(random: Random) -> str:
    data, iv, tag = (b64encode(random.randbytes(size)).decode() for size in (random.randint(8, 90), 32, 16))
    return f"api_key: ENC[AES256_GCM,data:{data},iv:{iv},tag:{tag},type:str]"


def hashes(random: Random) -> str:
    name = random.choice(
        ["md5", "etag", "digest", "commit", "sha256", "cache_key", "azure_blob_etag", "model_revision"]
    )
    algorithm = random.choice([hashlib.md5, hashlib.sha1, hashlib.sha256])
    return f"{name}: {algorithm(random.randbytes(8)).hexdigest()}"


def identifiers(random: Random) -> str:
    name = random.choice(["deployment_id", "azure_tenant_id", "langfuse_project", "request-id", "azure_subscription"])
    return f"{name}={uuid(random)}"


def code(random: Random) -> str:
    one, two = random.choices([word for word in WORDS if word.isidentifier()], k=2)
    return random.choice([
        f"def {one}_{two}(token: str, api_key: str | None = None) -> dict[str, str]:",
        f'    client = OpenAI(api_key=os.environ["{one.upper()}_API_KEY"], base_url=f"https://{two}.azure.com")',
        f'curl -H "Authorization: Bearer $TOKEN" https://api.{one}.com/v1/{two}',
        f".sk-{one}-{two}-cube{random.randint(1, 9)} {{ margin: 0 }}",
        f"import {{ {one} }} from '@{two}/sk-{one}-components-v{random.randint(1, 9)}-legacy-theme-{two}'",
        f"AZURE_OPENAI_API_KEY={random.choice(PLACEHOLDERS)}",
        f'{{"api_key": "{random.choice(PLACEHOLDERS)}", "vendor": "mistral"}}',
        f"next_page_token: {drawn(random, BASE62, 32)}",
        f"sha512-{b64encode(random.randbytes(64)).decode()}",
        f"integrity hash mistral: {drawn(random, BASE62, 32)}",
        f"--hash=sha256:{drawn(random, HEX, 64)}",
        f"public_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{drawn(random, BASE62, 43)} me@host",
        f"recipient: age1{drawn(random, string.ascii_lowercase + string.digits, 58)}",
    ])  # fmt: skip


def prompt(random: Random) -> str:
    return random.choice([
        f"system: |\\n  You are {sentence(random)} Never print keys such as {random.choice(PLACEHOLDERS)}.",
        f'{{"role": "user", "content": "{sentence(random)} My key is {random.choice(PLACEHOLDERS)}"}}',
        f"> Set `OPENAI_API_KEY` to {random.choice(PLACEHOLDERS)} and restart {sentence(random)}",
        f"| {random.choice(WORDS)} | {random.choice(PLACEHOLDERS)} | {sentence(random)} |",
        f"database_url: {random.choice(URLS)}",
        f"Connect with {random.choice(URLS)} - {sentence(random)}",
    ])  # fmt: skip


KINDS: tuple[Callable[[Random], str], ...] = (
    sentence, sentence, sentence, prompt, prompt, code, code, hashes, identifiers, token, image,
)  # fmt: skip


def text(random: Random, lines: int) -> str:
    return "".join(f"{random.choice(KINDS)(random)}\n" for _ in range(lines))
