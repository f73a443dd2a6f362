"""One publisher per input track, whichever way it claims it."""

from __future__ import annotations

import pytest

from reactor_runtime.errors import ClientError
from reactor_runtime.session.claims import Claims

ANN, BEN = 5000, 5001


@pytest.fixture
def claims() -> Claims:
    return Claims()


def test_who_asks_first_has_the_track(claims: Claims) -> None:
    claims.publish("webcam", ANN)
    assert claims.holder("webcam") == ANN
    assert claims.send("webcam", ANN)
    assert not claims.send("webcam", BEN)


def test_the_second_is_refused_and_told_why(claims: Claims) -> None:
    claims.publish("webcam", ANN)
    with pytest.raises(ClientError, match="another client sends input track 'webcam'") as refused:
        claims.publish("webcam", BEN)
    assert refused.value.code == "publish_refused"
    assert claims.holder("webcam") == ANN


def test_asking_again_keeps_the_track(claims: Claims) -> None:
    claims.publish("webcam", ANN)
    claims.publish("webcam", ANN)
    assert claims.holder("webcam") == ANN


def test_tracks_are_claimed_one_by_one(claims: Claims) -> None:
    claims.publish("webcam", ANN)
    claims.publish("mic", BEN)
    assert (claims.holder("webcam"), claims.holder("mic")) == (ANN, BEN)


def test_a_track_given_back_may_be_had_by_the_next(claims: Claims) -> None:
    claims.publish("webcam", ANN)
    assert claims.unpublish("webcam", ANN)
    assert claims.holder("webcam") is None
    claims.publish("webcam", BEN)
    assert claims.holder("webcam") == BEN


def test_nobody_gives_back_what_another_has(claims: Claims) -> None:
    claims.publish("webcam", ANN)
    assert not claims.unpublish("webcam", BEN)
    assert claims.holder("webcam") == ANN


def test_who_leaves_frees_what_it_had(claims: Claims) -> None:
    claims.publish("webcam", ANN)
    claims.publish("mic", ANN)
    claims.publish("depth", BEN)
    assert claims.leave(ANN) == ["webcam", "mic"]
    assert claims.leave(ANN) == []
    assert (claims.holder("webcam"), claims.holder("depth")) == (None, BEN)


def test_a_client_without_words_claims_a_free_track_by_sending(claims: Claims) -> None:
    assert claims.send("webcam", ANN)
    assert not claims.send("webcam", BEN)
    with pytest.raises(ClientError):
        claims.publish("webcam", BEN)
    assert claims.leave(ANN) == ["webcam"]


def test_late_pictures_of_who_gave_a_track_back_claim_nothing(claims: Claims) -> None:
    claims.publish("webcam", ANN)
    claims.unpublish("webcam", ANN)
    assert not claims.send("webcam", ANN)
    claims.publish("webcam", ANN)
    assert claims.send("webcam", ANN)


def test_who_was_refused_does_not_get_the_track_unasked_later(claims: Claims) -> None:
    claims.publish("webcam", ANN)
    with pytest.raises(ClientError):
        claims.publish("webcam", BEN)
    claims.leave(ANN)
    assert not claims.send("webcam", BEN)


def test_an_id_that_returns_after_leaving_starts_anew(claims: Claims) -> None:
    claims.publish("webcam", ANN)
    claims.unpublish("webcam", ANN)
    claims.leave(ANN)
    assert claims.send("webcam", ANN)
