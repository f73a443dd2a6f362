"""How the page's files are served: what they may do, and how long a browser keeps them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from reactor_runtime.http.app import make_app


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "assets" / "index-4f.js").write_text("1")
    app = make_app({}, page=tmp_path, max_body_bytes=4096)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://host:1234") as client:
        yield client


async def test_the_page_is_asked_for_each_time_and_sent_only_when_it_changed(http: httpx.AsyncClient) -> None:
    first = await http.get("/")
    assert first.headers["cache-control"] == "no-cache"
    again = await http.get("/", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.headers["cache-control"] == "no-cache"


async def test_a_file_named_by_its_content_is_kept_for_good_and_one_that_is_missing_is_not(
    http: httpx.AsyncClient,
) -> None:
    assert (await http.get("/assets/index-4f.js")).headers["cache-control"] == "public, max-age=31536000, immutable"
    missing = await http.get("/assets/index-00.js")
    assert missing.status_code == 404
    assert "cache-control" not in missing.headers


async def test_the_page_may_talk_to_its_own_server_and_be_framed_by_anybody(http: httpx.AsyncClient) -> None:
    headers = (await http.get("/")).headers
    policy = dict(rule.strip().split(" ", 1) for rule in headers["content-security-policy"].split(";"))
    for kind in ("default-src", "script-src", "style-src", "connect-src", "worker-src"):
        assert policy[kind] == "'self'"
    for kind in ("object-src", "base-uri", "form-action", "font-src"):
        assert policy[kind] == "'none'"
    assert policy["frame-ancestors"] == "http: https: file:"
    assert "camera=(self)" in headers["permissions-policy"]
    assert "geolocation=()" in headers["permissions-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
