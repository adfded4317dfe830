"""Codes 7xx: secrets."""

from gitconfigmgr.model.codetables.code import Code

TABLE = [
    Code("GCM701", "error", "key in plaintext",
         "The text has the shape of a vendor's key. Whoever can read the repository, or a clone of it, can use it.",
         "Revoke the key, then store the new one encrypted: `gitconfigmgr secret set`. "
         "Text that is no key is allowed by `gitconfigmgr:allow GCM701 reason` in a comment on the same line."),
    Code("GCM702", "error", "private key",
         "A private key stands in the repository, readable by everybody who has a clone.",
         "Replace the key pair, and store the new private key encrypted. "
         "`gitconfigmgr:allow GCM702 reason` on this line or the one above allows a key of a test."),
    Code("GCM703", "error", "plaintext where the schema asks for a secret",
         "The schema marks the value with `x-gcm-secret`, and it is written as it is.",
         "Encrypt it: `gitconfigmgr secret set`, or refer to where it is kept, as in `vault:kv/llm/openai#api_key`."),
    Code("GCM704", "error", "plaintext where the file's rule asks for encryption",
         "The `sops` block of the file says which values are encrypted, and this one is not.",
         "Encrypt it: `gitconfigmgr secret set`, which keeps the other values as they are."),
    Code("GCM705", "error", "one secret in two environments",
         "Two environments have the same secret, written twice: whoever gets it in one has it in the other. "
         "It is a warning where neither environment is protected.",
         "Give each environment a secret of its own; put a secret that is really shared into a common layer."),
    Code("GCM706", "error", "sops block without a MAC",
         "Nothing proves that the values of the file were not exchanged, moved or removed. "
         "A merge without a key leaves the MAC open.",
         "Restore the file from Git, or encrypt it anew: `gitconfigmgr secret encrypt`. "
         "After a merge, make it: `gitconfigmgr secret finish`."),
    Code("GCM707", "error", "encrypted value in a file without a sops block",
         "The key of an encrypted value is in the `sops` block of its file; without the block nothing can open it.",
         "Set the secret in this file: `gitconfigmgr secret set`; a token cannot be copied from another file."),
    Code("GCM708", "warning", "file not scanned",
         "The file is larger than what is scanned for keys.",
         "Keep files of this size elsewhere, or raise `--max-size`."),
    Code("GCM709", "error", "rule of a sops block that cannot be used",
         "The `sops` block says in a way that is none which values are encrypted, so nobody can tell. "
         "It is a warning where it is only this machine that cannot tell.",
         "Correct the rule in the block, or restore the file from Git."),
    Code("GCM710", "error", "secret is not of its kind",
         "The schema says what kind of secret this is, and its content is something else, or cannot be used as it is.",
         "Set it anew: `gitconfigmgr secret set`. `check --with-secrets` looks inside."),
    Code("GCM711", "error", "secret is not valid today",
         "A certificate, a token or a key inside the secret has expired, or is not valid yet. "
         "The date is that of the commit, or of `--now`.",
         "Renew it, and set the new one: `gitconfigmgr secret set`."),
    Code("GCM712", "warning", "secret expires soon",
         "What is inside the secret expires in 30 days or less.",
         "Renew it in time, and set the new one: `gitconfigmgr secret set`."),
    Code("GCM713", "error", "certificate chain out of order",
         "Each certificate of a chain has to be issued by the one after it; clients refuse any other order.",
         "Order the chain from the server's certificate to the root's."),
    Code("GCM714", "error", "key that does not fit",
         "A private key belongs to another certificate than the one beside it, or a signing key cannot sign by the "
         "algorithm that it names.",
         "Set both anew, from one issue of the certificate."),
    Code("GCM715", "error", "weak key or password",
         "The key is too short or of a broken sort, or the password is one that everybody tries first.",
         "Make a new one, and set it: `gitconfigmgr secret set`."),
    Code("GCM716", "error", "encrypted file was changed",
         "With its key at hand, a value of the file or its code does not fit: it was changed by somebody without the key.",
         "Look at its history, and restore it from Git."),
]  # fmt: skip
