"""Whatever is published, renewed, rolled out and pruned in whatever order: what living metadata names is there."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gitconfigmgr.adapters.publishers.directory_tending import prune, resign
from gitconfigmgr.release import layout
from gitconfigmgr.release.trust import custom_of
from tests.unit.release.world import CHAT, SEARCH, World, bundle

EVENTS = st.one_of(
    st.tuples(st.just("publish"), st.sampled_from([CHAT, SEARCH]), st.integers(0, 3)),
    st.tuples(st.just("roll out"), st.sampled_from([CHAT, SEARCH]), st.integers(0, 3)),
    st.tuples(st.just("resign")),
    st.tuples(st.just("remove"), st.just(SEARCH)),
    st.tuples(st.just("wait"), st.integers(1, 40)),
    st.tuples(st.just("prune")),
)


def named(world):
    """What a reader that has loaded all metadata now may ask for, and until when."""
    trusted = world.trusted(fresh=False)
    meta = {name.removesuffix(".json"): item.version for name, item in trusted.snapshot.signed.meta.items()}
    meta["snapshot"] = trusted.snapshot.signed.version
    paths = {layout.metadata_file(role, version) for role, version in meta.items()}
    for role in trusted.roles.values():
        for path, entry in role.signed.targets.items():
            custom = custom_of(entry)
            paths.add(layout.file_of(path, entry.hashes["sha256"]))
            if "attestation" in custom:
                paths |= {layout.attestation_file(custom["attestation"]), f"records/{custom['record']}.json"}
            if "rollout" in custom:
                paths.add(layout.file_of(path, custom["rollout"]["from"]["sha256"]))
            if "from_sealed" in custom:
                sealed = path.removesuffix(layout.BUNDLE) + layout.SEALED
                paths.add(layout.file_of(sealed, custom["from_sealed"]["sha256"]))
    return trusted.snapshot.signed.expires, paths


def happen(world, event, number):
    held = world.publisher().held().targets
    match event:
        case ("publish", target, limit):
            world.publish(bundle(target, {"limit": limit, "n": number % 7}, token=f"t{number}"))
        case ("roll out", target, limit) if target in held:
            now = held[target]
            before = now.custom.get("rollout", {}).get("from")
            base = before or {"version": now.version, "sha256": now.digest.removeprefix("sha256:"), "length": now.size}
            custom = {target: {"rollout": {"percent": 10, "salt": "s", "from": base}}}
            world.publish(bundle(target, {"limit": limit, "n": number}, token=f"r{number}"), custom=custom)
        case ("remove", target) if target in held:
            world.publish(removed=(target,))
        case ("resign",):
            resign(world.publisher(), force=True)
        case ("wait", days):
            world.later(days=days)
        case ("prune",):
            prune(world.publisher(), dry_run=False)


@settings(max_examples=12, deadline=None)
@given(st.lists(EVENTS, min_size=6, max_size=16))
def test_living_metadata_never_names_what_was_pruned(events):
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        world.publish(bundle(CHAT, {"limit": 0}, token="t"))
        readers = [named(world)]
        for number, event in enumerate([*events, ("prune",)]):
            happen(world, event, number)
            readers = [(ends, paths) for ends, paths in [*readers, named(world)] if ends > world.now]
            missing = {path for _, paths in readers for path in paths if not (world.tree / path).is_file()}
            assert missing == set()
        resign(world.publisher(), force=True)
        assert world.limit() is not None
