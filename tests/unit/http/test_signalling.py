"""Signalling of clients that know no connection ids: all of them poll one address."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from reactor_runtime.http.signalling import TURN_SECONDS, signalling_routes
from reactor_runtime.http.slots import Slot
from reactor_runtime.runtime.clock import now
from tests.unit.webrtc.scripted_peer import MIDS, House, offer_of

pytestmark = pytest.mark.manual_time
BASE = "/sessions/local/transport/webrtc"
MAPPING = [{"mid": mid, "name": name} for mid, name in MIDS.items()]


@pytest.fixture
async def house() -> House:
    return House()


def http(house: House) -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(signalling_routes({"local": Slot(house.slot.runtime, house.acceptor)}))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server")


async def offer(client: httpx.AsyncClient, ufrag: str) -> None:
    body = {"sdp_offer": offer_of(ufrag), "track_mapping": MAPPING}
    assert (await client.post(f"{BASE}/sdp_params", json=body)).status_code == 202


async def negotiate(client: httpx.AsyncClient, ufrag: str) -> str:
    await offer(client, ufrag)
    while (answer := await client.get(f"{BASE}/sdp_params")).status_code == 202:  # noqa: ASYNC110 - as clients do
        await asyncio.sleep(0.2)
    return str(answer.json()["sdp_answer"])


async def test_clients_that_offer_at_the_same_time_each_get_their_own_answer(house: House) -> None:
    async with http(house) as client:
        answers = await asyncio.gather(*(negotiate(client, ufrag) for ufrag in "abc"))
    assert answers == ["v=0 answer 0", "v=0 answer 1", "v=0 answer 2"]
    assert house.acceptor.connections == 3
    house.acceptor.close()


async def test_a_client_that_never_fetches_its_answer_is_not_waited_for_long(house: House) -> None:
    async with http(house) as client:
        await offer(client, "a")
        began = now()
        assert await negotiate(client, "b") == "v=0 answer 1"
    assert TURN_SECONDS <= now() - began < TURN_SECONDS + 1
    house.acceptor.close()


async def test_a_refused_offer_holds_up_nobody(house: House) -> None:
    async with http(house) as client:
        began = now()
        body = {"sdp_offer": "garbage", "track_mapping": MAPPING}
        with pytest.raises(Exception, match="not an SDP"):
            await client.post(f"{BASE}/sdp_params", json=body)
        await negotiate(client, "a")
    assert now() - began < 1
    house.acceptor.close()
