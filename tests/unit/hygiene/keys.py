"""Synthetic keys, true to their formats, drawn at run time: nothing here, and nothing written, is a key."""

from __future__ import annotations

import json
import string
import zlib
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
URL64 = BASE62 + "-_"
HEX = "0123456789abcdef"
BASE32 = string.ascii_uppercase + "234567"
MARK = "T3Blbk" + "FJ"  # in every key of OpenAI


def drawn(random: Random, alphabet: str, length: int) -> str:
    return "".join(random.choices(alphabet, k=length))


def uuid(random: Random) -> str:
    return "-".join(drawn(random, HEX, length) for length in (8, 4, 4, 4, 12))


def checksum(body: str) -> str:
    """The six characters that end a token of GitHub."""
    value, text = zlib.crc32(body.encode()), ""
    while value:
        value, digit = divmod(value, 62)
        text = BASE62[digit] + text
    return text.rjust(6, "0")


def github(random: Random, kind: str) -> str:
    body = drawn(random, BASE62, 30)
    return f"gh{kind}_{body}{checksum(body)}"


def web_token(random: Random) -> str:
    header = {"alg": "RS256", "kid": drawn(random, HEX, 8)}
    claims = {"sub": uuid(random), "exp": random.randrange(10**9), "aud": "gateway"}
    parts = [json.dumps(part).encode() for part in (header, claims)] + [random.randbytes(64)]
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def pem(random: Random, label: str) -> str:
    lines = [b64encode(random.randbytes(48)).decode() for _ in range(8)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"])


def new_azure(random: Random) -> str:
    return f"{drawn(random, BASE62, 52)}JQQJ99BAACYeBjFXJ3w3AAABACOG{drawn(random, BASE62, 4)}"


def aws(random: Random) -> str:
    return "A" + "KIA" + drawn(random, BASE32, 16)


# name of the format -> a key of it; the name in a finding begins so
KEYS: dict[str, Callable[[Random], str]] = {
    "OpenAI key": lambda r: "sk-" + drawn(r, BASE62, 20) + MARK + drawn(r, BASE62, 20),
    "OpenAI project key": lambda r: "sk-proj" + "-" + drawn(r, URL64, 74) + MARK + drawn(r, URL64, 74),
    "OpenAI project key (short)": lambda r: "sk-proj" + "-" + drawn(r, BASE62, 20) + MARK + drawn(r, BASE62, 20),
    "OpenAI service account key": lambda r: "sk-svcacct" + "-" + drawn(r, URL64, 74) + MARK + drawn(r, URL64, 74),
    "OpenAI admin key": lambda r: "sk-admin" + "-" + drawn(r, URL64, 58) + MARK + drawn(r, URL64, 58),
    "Anthropic API key": lambda r: "sk-ant" + "-api03-" + drawn(r, URL64, 93) + "AA",
    "Anthropic admin key": lambda r: "sk-ant" + "-admin01-" + drawn(r, URL64, 93) + "AA",
    "Anthropic OAuth token": lambda r: "sk-ant" + "-oat01-" + drawn(r, URL64, 93) + "AA",
    "OpenRouter key": lambda r: "sk-or" + "-v1-" + drawn(r, HEX, 64),
    "Langfuse secret key": lambda r: "sk-lf" + "-" + uuid(r),
    "Langfuse public key": lambda r: "pk-lf" + "-" + uuid(r),
    "Azure key": new_azure,
    "Google API key": lambda r: "AI" + "za" + drawn(r, URL64, 35),
    "Google authorization key": lambda r: "AQ" + ".Ab8" + drawn(r, URL64, 46),
    "Google OAuth client secret": lambda r: "GOCSP" + "X-" + drawn(r, URL64, 28),
    "Google OAuth access token": lambda r: "ya2" + "9." + drawn(r, URL64, 160),
    "Google OAuth refresh token": lambda r: "1/" + "/0" + drawn(r, URL64, 96),
    "AWS access key id": aws,
    "Amazon Bedrock key": lambda r: "AB" + "SK" + drawn(r, BASE62, 128),
    "Hugging Face token": lambda r: "hf" + "_" + drawn(r, string.ascii_letters, 34),
    "Groq key": lambda r: "gs" + "k_" + drawn(r, BASE62, 52),
    "Together key": lambda r: "tgp" + "_v1_" + drawn(r, URL64, 43),
    "Fireworks key": lambda r: "f" + "w_" + drawn(r, BASE62, 24),
    "Replicate token": lambda r: "r" + "8_" + drawn(r, BASE62, 37),
    "xAI key": lambda r: "xa" + "i-" + drawn(r, BASE62, 80),
    "Perplexity key": lambda r: "ppl" + "x-" + drawn(r, BASE62, 48),
    "NVIDIA key": lambda r: "nva" + "pi-" + drawn(r, URL64, 64),
    "Cerebras key": lambda r: "cs" + "k-" + drawn(r, string.ascii_lowercase + string.digits, 48),
    "ElevenLabs key": lambda r: "s" + "k_" + drawn(r, HEX, 48),
    "Jina key": lambda r: "ji" + "na_" + drawn(r, BASE62, 60),
    "Tavily key": lambda r: "tvl" + "y-" + drawn(r, BASE62, 32),
    "RunPod key": lambda r: "rp" + "a_" + drawn(r, string.ascii_uppercase + string.digits, 40) + drawn(r, "abcdef", 6),
    "E2B key": lambda r: "e2" + "b_" + drawn(r, HEX, 40),
    "Firecrawl key": lambda r: "f" + "c-" + drawn(r, HEX, 32),
    "Pinecone key": lambda r: "pcs" + "k_" + drawn(r, BASE62, 5) + "_" + drawn(r, BASE62, 63),
    "LangSmith key": lambda r: "lsv2" + "_pt_" + drawn(r, HEX, 32) + "_" + drawn(r, HEX, 10),
    "API key (DeepSeek)": lambda r: "s" + "k-" + drawn(r, HEX, 32),
    "API key (LiteLLM)": lambda r: "s" + "k-" + drawn(r, URL64, 22),
    "API key (Stability)": lambda r: "s" + "k-" + drawn(r, BASE62, 48),
    "Databricks token": lambda r: "da" + "pi" + drawn(r, HEX, 32) + r.choice(["", "-2"]),
    "Azure storage key": lambda r: "Account" + "Key=" + b64encode(r.randbytes(64)).decode(),
    "Vault service token": lambda r: "hv" + "s." + drawn(r, BASE62, 24),
    "Vault service token (long)": lambda r: "hv" + "s." + drawn(r, URL64, 92),
    "Vault batch token": lambda r: "hv" + "b." + drawn(r, URL64, 140),
    "GitHub token": lambda r: github(r, r.choice("pousr")),
    "GitHub fine-grained token": lambda r: "github" + "_pat_" + drawn(r, BASE62, 22) + "_" + drawn(r, BASE62, 59),
    "GitLab token": lambda r: "glp" + "at-" + drawn(r, URL64, 20),
    "Slack token": lambda r: "xo" + "xb-" + f"{r.randrange(10**11, 10**12)}-{r.randrange(10**11, 10**12)}-{drawn(r, BASE62, 24)}",
    "Slack webhook": lambda r: "https://hooks.slack.com/services/" + f"T{drawn(r, BASE32, 10)}/B{drawn(r, BASE32, 10)}/{drawn(r, BASE62, 24)}",
    "Stripe key": lambda r: "sk" + "_live_" + drawn(r, BASE62, 99),
    "SendGrid key": lambda r: "S" + "G." + drawn(r, URL64, 22) + "." + drawn(r, URL64, 43),
    "npm token": lambda r: "np" + "m_" + drawn(r, BASE62, 36),
    "PyPI token": lambda r: "py" + "pi-AgEIcHlwaS5vcmc" + drawn(r, URL64, 150),
    "DigitalOcean token": lambda r: "dop" + "_v1_" + drawn(r, HEX, 64),
    "JSON web token": web_token,
    "database password": lambda r: f"postgresql+asyncpg://chat:{drawn(r, BASE62, 16)}@db.acme.internal:5432/chat",
    "age identity": lambda r: "AGE-SECRET" + "-KEY-1" + drawn(r, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),
    "private key": lambda r: pem(r, r.choice(["RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", ""]) + "PRIVATE KEY"),
    "private key (PGP)": lambda r: pem(r, "PGP PRIVATE" + " KEY BLOCK").replace("-----\n", "-----\nVersion: 2\n\n", 1),
}  # fmt: skip

# name of the format -> assignment with the vendor near it
KEYLESS: dict[str, Callable[[Random], str]] = {
    "Azure OpenAI key": lambda r: f"AZURE_OPENAI_API_KEY={drawn(r, HEX, 32)}",
    "Azure OpenAI key (yaml)": lambda r: (
        f"azure:\n  endpoint: https://x.openai.azure.com\n  api_key: {drawn(r, HEX, 32)}"
    ),
    "Mistral key": lambda r: f'mistral = Mistral(api_key="{drawn(r, BASE62, 32)}")',
    "Mistral key (json)": lambda r: f'"mistral": {{"timeout": 3, "apiKey": "{drawn(r, BASE62, 32)}"}}',
    "Cohere key": lambda r: f"export CO_API_KEY={drawn(r, BASE62, 40)}",
    "Together key": lambda r: f"TOGETHER_API_KEY: '{drawn(r, HEX, 64)}'",
    "Weights & Biases key": lambda r: f"WANDB_API_KEY={drawn(r, HEX, 40)}",
    "ElevenLabs key": lambda r: f'elevenlabs headers: {{"xi-api-key": "{drawn(r, HEX, 32)}"}}',
    "AssemblyAI key": lambda r: f'# assemblyai\nheaders = {{"authorization": "{drawn(r, HEX, 32)}"}}',
    "Deepgram key": lambda r: f"deepgram:\n  authorization: Token {drawn(r, HEX, 40)}",
    "AWS secret access key": lambda r: f"aws_secret_access_key = {b64encode(r.randbytes(30)).decode()}",
}
