"""The formats of keys that a program can tell from other text: a table, and nothing else.

`heads` are the literal beginnings; one of them is all that a finding ever shows. `body` is a regular expression for
the rest, of bounded length, so that matching stays linear. `test` names how a match is told from an example of one
(hygiene/judging.py). The order is that of trial where several heads match: the longest head goes first by itself.
"""

from __future__ import annotations

from typing import NamedTuple

KEY, PRIVATE_KEY = "GCM701", "GCM702"


class Format(NamedTuple):
    """`loose` formats may stand in the middle of a word, and end wherever their body ends."""

    name: str
    heads: tuple[str, ...]
    body: str
    test: str = "random"
    code: str = KEY
    loose: bool = False


class Keyless(NamedTuple):
    """A key without a beginning of its own: told by the vendor near it and by the name it is assigned to."""

    name: str
    vendors: tuple[str, ...]
    body: str


_BASE62 = "[A-Za-z0-9]"
_URL64 = "[A-Za-z0-9_-]"
_HEX = "[0-9a-f]"
_UUID = rf"{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}"
_PEM = (
    r"(?:(?:RSA |EC |DSA |OPENSSH |ENCRYPTED |ANY )?PRIVATE KEY|PGP PRIVATE KEY BLOCK)-----"
    r"(?:\\[nr]|[\s>|#*\"'+,\\]){0,200}"
    r"(?:[A-Za-z-]{1,20}: [^\n]{0,100}(?:\\n|\n)(?:\\n|\s){0,100}){0,4}"
    r"[A-Za-z0-9+/]{40}"
)
_SSH2 = r"SSH2 ENCRYPTED PRIVATE KEY ----[^\S\n]{0,20}\n(?:[A-Za-z-]{1,20}: [^\n]{0,100}\n){0,4}[A-Za-z0-9+/]{40}"

FORMATS: tuple[Format, ...] = (
    # -- models and what serves them
    Format("OpenAI project key", ("sk-proj-",), rf"{_URL64}{{40,200}}"),
    Format("OpenAI service account key", ("sk-svcacct-",), rf"{_URL64}{{40,200}}"),
    Format("OpenAI admin key", ("sk-admin-",), rf"{_URL64}{{40,200}}"),
    Format("OpenAI key", ("sk-None-",), rf"{_URL64}{{40,200}}"),
    Format("OpenAI key", ("sk-",), rf"{_BASE62}{{20}}T3BlbkFJ{_BASE62}{{20}}"),
    Format("Anthropic API key", ("sk-ant-api",), rf"[0-9]{{2}}-{_URL64}{{80,120}}"),
    Format("Anthropic admin key", ("sk-ant-admin",), rf"[0-9]{{2}}-{_URL64}{{80,120}}"),
    Format("Anthropic OAuth token", ("sk-ant-oat", "sk-ant-ort"), rf"[0-9]{{2}}-{_URL64}{{80,120}}"),
    Format("Anthropic key", ("sk-ant-",), rf"{_URL64}{{40,140}}"),
    Format("OpenRouter key", ("sk-or-v1-",), rf"{_HEX}{{64}}"),
    Format("Langfuse secret key", ("sk-lf-",), _UUID, "distinct"),
    Format("Langfuse public key", ("pk-lf-",), _UUID, "distinct"),
    Format("Azure key", ("JQQJ99",), rf"(?<={_BASE62}{{52}}JQQJ99){_BASE62}{{26}}", loose=True),
    Format("Google API key", ("AIza",), rf"{_URL64}{{35}}"),
    Format("Google authorization key", ("AQ.Ab8",), rf"{_URL64}{{40,80}}"),
    Format("Google OAuth client secret", ("GOCSPX-",), rf"{_URL64}{{28}}"),
    Format("Google OAuth access token", ("ya29.",), rf"{_URL64}{{50,400}}"),
    Format("Google OAuth refresh token", ("1//0",), rf"{_URL64}{{40,200}}"),
    Format("AWS access key id", ("AKIA", "ASIA", "ABIA", "ACCA"), r"[A-Z2-7]{16}", "distinct"),
    Format("Amazon Bedrock key", ("ABSK",), r"[A-Za-z0-9+/]{100,269}={0,2}"),
    Format("Amazon Bedrock key", ("bedrock-api-key-",), r"[A-Za-z0-9+/]{60,2000}={0,2}"),
    Format("Hugging Face token", ("hf_",), rf"{_BASE62}{{34}}"),
    Format("Hugging Face organization token", ("api_org_",), rf"{_BASE62}{{34}}"),
    Format("Groq key", ("gsk_",), rf"{_BASE62}{{52}}"),
    Format("Together key", ("tgp_v1_",), rf"{_URL64}{{43}}"),
    Format("Fireworks key", ("fw_",), rf"{_BASE62}{{22,24}}"),
    Format("Replicate token", ("r8_",), rf"{_BASE62}{{37}}"),
    Format("xAI key", ("xai-",), rf"{_BASE62}{{60,100}}"),
    Format("Perplexity key", ("pplx-",), rf"{_BASE62}{{40,64}}"),
    Format("NVIDIA key", ("nvapi-",), rf"{_URL64}{{60,70}}"),
    Format("Cerebras key", ("csk-",), r"[a-z0-9]{48}"),
    Format("ElevenLabs key", ("sk_",), rf"{_HEX}{{48}}"),
    Format("Jina key", ("jina_",), rf"{_BASE62}{{32}}{_URL64}{{28}}"),
    Format("Tavily key", ("tvly-dev-", "tvly-prod-", "tvly-"), rf"{_BASE62}{{32}}"),
    Format("RunPod key", ("rpa_",), r"[A-Z0-9]{40}[a-z0-9]{4,8}|[A-Z0-9]{43,46}"),
    Format("E2B key", ("e2b_",), rf"{_HEX}{{40}}"),
    Format("Firecrawl key", ("fc-",), rf"{_HEX}{{32}}"),
    Format("Pinecone key", ("pcsk_",), rf"{_BASE62}{{5,6}}_{_BASE62}{{60,70}}"),
    Format("Weights & Biases key", ("wandb_v1_",), rf"{_URL64}{{60,90}}"),
    Format("LangSmith key", ("lsv2_pt_", "lsv2_sk_"), rf"{_HEX}{{32}}_{_HEX}{{10}}", "distinct"),
    Format("LangSmith key", ("ls__",), rf"{_HEX}{{32}}"),
    # DeepSeek, DashScope and Moonshot are `sk-` and hexadecimal digits, Stability 48 letters and digits, a key of
    # LiteLLM 22 characters: the beginning is the same, so they share a row
    Format("API key (OpenAI, DeepSeek, LiteLLM or Stability style)", ("sk-",), rf"{_URL64}{{20,200}}"),
    # -- where they run
    Format("Databricks token", ("dapi",), rf"{_HEX}{{32}}(?:-[0-9]{{1,2}})?"),
    Format("Azure storage key", ("AccountKey=",), r"[A-Za-z0-9+/]{86}==", loose=True),
    Format("Vault service token", ("hvs.",), rf"{_URL64}{{24,300}}"),
    Format("Vault batch token", ("hvb.",), rf"{_URL64}{{60,400}}"),
    Format("Vault recovery token", ("hvr.",), rf"{_URL64}{{24,300}}"),
    Format("GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), rf"{_BASE62}{{36,255}}"),
    Format("GitHub fine-grained token", ("github_pat_",), rf"{_BASE62}{{22}}_{_BASE62}{{59}}"),
    Format("GitLab token", ("glpat-", "gldt-", "glrt-", "glptt-", "glcbt-"), rf"{_URL64}{{20,64}}(?:\.[0-9a-z]{{2,12}}){{0,2}}"),
    Format("Slack token", ("xox",), r"[abeoprs]-(?:[0-9]{1,14}-){1,4}[A-Za-z0-9]{16,80}", "distinct"),
    Format("Slack app token", ("xapp-",), r"[0-9]-[A-Z0-9]{8,13}-[0-9]{8,14}-[a-f0-9]{40,80}"),
    Format("Slack webhook", ("hooks.slack.com/services/",), rf"T[A-Z0-9]{{7,12}}/B[A-Z0-9]{{7,12}}/{_BASE62}{{24}}"),
    Format("Stripe key", ("sk_live_", "rk_live_", "sk_test_", "rk_test_"), rf"{_BASE62}{{16,247}}"),
    Format("Stripe webhook secret", ("whsec_",), r"[A-Za-z0-9+/]{32,64}={0,2}"),
    Format("SendGrid key", ("SG.",), rf"{_URL64}{{22}}\.{_URL64}{{43}}"),
    Format("npm token", ("npm_",), rf"{_BASE62}{{36}}"),
    Format("PyPI token", ("pypi-AgE",), rf"{_URL64}{{60,400}}"),
    Format("Docker token", ("dckr_pat_",), rf"{_URL64}{{27}}"),
    Format("DigitalOcean token", ("dop_v1_", "doo_v1_", "dor_v1_"), rf"{_HEX}{{64}}"),
    Format("Grafana token", ("glsa_",), rf"{_BASE62}{{32}}_[0-9a-fA-F]{{8}}"),
    Format("Sentry token", ("sntryu_",), rf"{_HEX}{{64}}"),
    Format("Pulumi token", ("pul-",), rf"{_HEX}{{40}}"),
    Format("1Password service account token", ("ops_eyJ",), rf"{_URL64}{{200,2000}}={{0,2}}"),
    Format("JSON web token", ("eyJ",), rf"{_URL64}{{10,2000}}\.eyJ{_URL64}{{10,8000}}\.{_URL64}{{16,1400}}", "jwt"),
    Format("database password", ("://",), r"[^\s:/@\"'`<>]{0,64}:[^\s/@\"'`<>]{3,128}@[A-Za-z0-9_.\[$-]", "url", loose=True),
    # -- private keys
    Format("age identity", ("AGE-SECRET-KEY-1", "AGE-SECRET-KEY-PQ-1"), r"[0-9A-Z]{58,3000}", "distinct", PRIVATE_KEY),
    Format("private key", ("-----BEGIN ",), _PEM, "pem", PRIVATE_KEY, loose=True),
    Format("private key", ("---- BEGIN ",), _SSH2, "pem", PRIVATE_KEY, loose=True),
    Format("private key", ("PuTTY-User-Key-File-",), r"[23]: [a-z0-9-]{3,40}\s{1,4}Encryption: [^\n]{3,40}\n", "any", PRIVATE_KEY, loose=True),
)  # fmt: skip

KEYLESS: tuple[Keyless, ...] = (
    Keyless("Azure OpenAI key", ("azure",), rf"{_HEX}{{32}}"),
    Keyless("Mistral key", ("mistral",), rf"{_BASE62}{{32}}"),
    Keyless("Cohere key", ("cohere", "co_api_key"), rf"{_BASE62}{{40}}"),
    Keyless("Together key", ("together",), rf"{_HEX}{{64}}"),
    Keyless("Weights & Biases key", ("wandb",), rf"{_HEX}{{40}}"),
    Keyless("ElevenLabs key", ("elevenlabs", "eleven_", "xi-api-key"), rf"{_HEX}{{32}}"),
    Keyless("AssemblyAI key", ("assemblyai", "assembly_ai"), rf"{_HEX}{{32}}"),
    Keyless("Deepgram key", ("deepgram",), rf"{_HEX}{{40}}"),
    Keyless("AI21 key", ("ai21",), rf"{_BASE62}{{32}}"),
    Keyless("DeepInfra key", ("deepinfra",), rf"{_BASE62}{{32}}"),
    Keyless("Datadog key", ("datadog", "dd_"), rf"{_HEX}{{32}}|{_HEX}{{40}}"),
    Keyless("AWS secret access key", ("aws", "bedrock"), r"[A-Za-z0-9+/]{40}"),
)
