"""What is set on one download is shown without what nobody may read."""

from __future__ import annotations

from sluice_client_poller.adapters.port import Terms
from sluice_client_poller.own import own_settings
from sluice_common.model.edits import OwnSettings


def test_its_own_limits_and_the_hosts_of_its_trackers() -> None:
    """A pass key is in no host; two trackers of one host are one."""
    trackers = frozenset({"https://t.test/secret/announce", "udp://t.test:80/", "http://a.test/x?passkey=secret"})
    terms = Terms(
        download_limit=1024, upload_limit=2048, ratio=1.5, seeding_time=5400, trackers=trackers, unwanted=(1,)
    )
    assert own_settings(terms) == OwnSettings(
        download_limit=1024, upload_limit=2048, ratio_limit=1.5, seeding_time_limit=5400, trackers=("a.test", "t.test")
    )


def test_no_limit_and_the_clients_own_rule_are_none() -> None:
    """A rule of its own that sets no limit is no limit; of a client that tells no trackers none are shown."""
    assert own_settings(Terms(ratio=0.0, seeding_time=0)) == OwnSettings()
