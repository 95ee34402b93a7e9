"""Every client behind a web server with https, an IPv6 address and a path of its own."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from sluice_client_poller.adapters import registry
from sluice_client_poller.adapters.port import NewDownload
from sluice_common.kit.errors import ClientUnavailable
from sluice_common.kit.settings import ClientSettings
from support.clients import LAUNCHERS, RealClient, launch
from support.front import Front, front
from support.torrents import make_content, make_torrent

pytestmark = [pytest.mark.client, pytest.mark.slow]


@pytest.fixture(params=sorted(LAUNCHERS))
def real(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RealClient]:
    """A running client of every kind."""
    with launch(request.param, tmp_path / "client") as real:
        yield real


@pytest.fixture
def authority() -> trustme.CA:
    """Somebody's own, as no machine trusts it."""
    return trustme.CA()


@pytest.fixture
def certificate(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert("::1")


@pytest.fixture
def tls(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


def configured(real: RealClient, front: Front, **tls: Any) -> ClientSettings:
    login = {"username": real.username} if real.username else {}
    entry = {"type": real.type, "url": front.url, "password": real.password, "tls": tls, **login}
    return ClientSettings.model_validate(entry)


async def test_an_authority_of_ones_own(
    real: RealClient, tls: ssl.SSLContext, authority: trustme.CA, tmp_path: Path
) -> None:
    """With its file the client is polled and takes commands; without it, not even a log-in is sent."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    torrent = make_torrent(make_content(tmp_path, "Show.S01E01.mkv", 5000))
    with front(real.url, tls) as server:
        adapter = registry.make("c", configured(real, server))
        with pytest.raises(ClientUnavailable, match="certificate is not trusted"):
            await adapter.poll()
        await adapter.close()
        assert server.requests == 0
        adapter = registry.make("c", configured(real, server, ca_file=str(tmp_path / "ca.pem")))
        assert (await adapter.poll()).rows == ()
        torrent_id = await adapter.add(NewDownload(torrent=torrent.data, paused=True))
        assert [row.id for row in (await adapter.poll()).rows] == [torrent_id]
        await adapter.close()


async def test_a_pinned_certificate(real: RealClient, tls: ssl.SSLContext, certificate: trustme.LeafCert) -> None:
    """Whoever signed it; another one is sent nothing, and the error names it as it would have to be pinned."""
    pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())).hexdigest()
    with front(real.url, tls) as server:
        adapter = registry.make("c", configured(real, server, pin="0" * 64))
        with pytest.raises(ClientUnavailable, match=f"not the pinned one but {pin}"):
            await adapter.poll()
        await adapter.close()
        assert server.requests == 0
        adapter = registry.make("c", configured(real, server, pin=pin.upper()))
        assert (await adapter.poll()).rows == ()
        await adapter.close()
