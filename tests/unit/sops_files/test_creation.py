"""`.sops.yaml`: where it is found, what it says, and what SOPS would have ignored in silence."""

from __future__ import annotations

import pytest

from gitconfigmgr.secrets.creation import candidates, read_rules
from gitconfigmgr.secrets.errors import RulesError
from gitconfigmgr.secrets.metadata import Recipient
from gitconfigmgr.secrets.selection import Selection
from tests.unit.sops_files.support import VECTORS

AGE = "age16a9qhw3z38hd70lyamh9ejftp7mrm509jaw2qxf80y9g248d43qqsmfy7h"


def _rule(text: str):
    body = "\n".join(f"    {line}" for line in text.split("\n"))
    return read_rules(".sops.yaml", f"creation_rules:\n  -\n{body}\n".encode()).rules[0]


def test_found_from_the_file_upward():
    assert candidates("configs/acme/chat/production.yaml") == [
        "configs/acme/chat/.sops.yaml", "configs/acme/.sops.yaml", "configs/.sops.yaml", ".sops.yaml",
    ]  # fmt: skip
    assert candidates("a.yaml") == [".sops.yaml"]


def test_the_rules_of_the_vectors():
    rules = read_rules(".sops.yaml", (VECTORS / ".sops.yaml").read_bytes())
    shamir = rules.rule_for("plain/07-shamir.yaml")
    assert (len(shamir.groups), shamir.threshold) == (3, 2)
    mac_only = rules.rule_for("05-mac-only-encrypted.yaml")
    assert mac_only.selection == Selection("encrypted_regex", "^(data|stringData)$", mac_only_encrypted=True)
    assert len(rules.rule_for("16-two.yaml").groups[0]) == 2
    assert rules.rule_for("anything.yaml").recipients() == {Recipient.of("age", recipient=AGE)}


def test_the_path_is_relative_to_the_rules():
    text = f"creation_rules:\n  - path_regex: ^prod/\n    age: {AGE}\n".encode()
    rules = read_rules("configs/.sops.yaml", text)
    assert rules.rule_for("configs/prod/a.yaml")
    with pytest.raises(RulesError, match=r"no creation rule of configs/\.sops\.yaml matches configs/dev/a\.yaml"):
        rules.rule_for("configs/dev/a.yaml")


def test_every_kind_of_recipient():
    found = _rule(
        f"age: '{AGE}, ssh-ed25519 AAAA x'\npgp: 85D7 7543 B3D6 24B6\n"
        "kms: arn:aws:kms:eu-west-1:1:key/a+arn:aws:iam::1:role/r\n"
        "gcp_kms: projects/p/locations/l/keyRings/r/cryptoKeys/k\n"
        "azure_keyvault: https://v.vault.azure.net/keys/k/abc\n"
        "hc_vault_transit_uri: [https://bao.example:8200/v1/team/transit/keys/k]"
    ).groups[0]
    assert {item.kind for item in found} == {"age", "pgp", "kms", "gcp_kms", "azure_kv", "hc_vault"}
    assert len(found) == 7
    by_kind = {item.kind: item for item in found}
    assert by_kind["kms"]["role"] == "arn:aws:iam::1:role/r"
    assert by_kind["hc_vault"]["engine_path"] == "team/transit"
    assert by_kind["azure_kv"]["version"] == "abc"


def test_groups_and_merge():
    found = _rule(
        f"shamir_threshold: 2\nkey_groups:\n- age: [{AGE}]\n  merge:\n  - age: [{AGE}, age1b]\n    hc_vault: [https://b/v1/t/keys/k]\n"
        "- kms:\n  - arn: arn:aws:kms:eu-west-1:1:key/a\n    role: r\n    context: {app: chat}\n"
        "  azure_keyvault:\n  - {vaultUrl: 'https://v', key: k}\n  gcp_kms:\n  - resource_id: projects/p/locations/l/keyRings/r/cryptoKeys/k"
    )
    assert [len(group) for group in found.groups] == [3, 3]
    assert found.threshold == 2
    assert next(item for item in found.groups[1] if item.kind == "kms")["context"] == (("app", "chat"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"age: {AGE}\nencrypted_regexp: a", "did you mean encrypted_regex"),
        (f"age: {AGE}\nmac_only_encryptd: true", "did you mean mac_only_encrypted"),
        (f"age: {AGE}\nencrypted_regex: a\nunencrypted_suffix: b", "cannot go together"),
        (f"age: {AGE}\nencrypted_regex: (", "regular expression"),
        (f"age: {AGE}\nencrypted_regex: (?=a)", "RE2"),
        (f"age: {AGE}\npath_regex: '*'", "regular expression"),
        ("age: nobody", "no age recipient"),
        ("path_regex: x", "names no recipient"),
        ("kms: arn:aws:s3:::x", "no ARN"),
        ("gcp_kms: x", "Google"),
        ("azure_keyvault: https://v/k", "Azure"),
        ("hc_vault_transit_uri: https://h/transit/k", "Transit"),
        (f"age: {AGE}\nkey_groups:\n- age: [{AGE}]", "would ignore"),
        (f"key_groups:\n- age: [{AGE}]\n- agee: [{AGE}]", "did you mean age"),
        (f"key_groups:\n- age: [{AGE}]\n- age: [{AGE}]\nshamir_threshold: 3", "does not fit"),
        (f"key_groups:\n- age: [{AGE}]\n- age: [{AGE}]\nshamir_threshold: 1", "open the file alone"),
        ("key_groups:\n- kms:\n  - {arm: x}", "did you mean arn"),
        ("age: {a: b}", "neither text nor a list"),
    ],
)
def test_what_is_an_error(text, message):
    with pytest.raises(RulesError) as caught:
        _rule(text)
    assert message in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "text", ["creation_rule: []", "creation_rules: {}", "creation_rules: [a]", "a: [", "- a", "creation_rules: 5"]
)
def test_files_that_are_no_rules(text):
    with pytest.raises(RulesError):
        read_rules(".sops.yaml", text.encode())


def test_destination_rules_are_passed_over():
    rules = read_rules(
        ".sops.yaml", f"destination_rules: [{{s3_bucket: x}}]\nstores: {{}}\ncreation_rules: [{{age: {AGE}}}]".encode()
    )
    assert rules.rule_for("x")
