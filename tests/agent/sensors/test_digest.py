"""Digest authentication, by the examples of its standard."""

import pytest

from agent.sensors.meters.digest import digest

# RFC 7616, section 3.9.1: user Mufasa, password Circle of Life.
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
OWN = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
RESPONSES = {
    "MD5": "8ca523f5e9506fed4657c9700eebdbec",
    "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
}


def challenge(algorithm):
    parts = f'realm="http-auth@example.org", qop="auth, auth-int", nonce="{NONCE}", opaque="{OPAQUE}"'
    return f"Digest {parts}, algorithm={algorithm}"


def header(*challenges):
    return digest(challenges, "Mufasa", "Circle of Life").header("GET", "/dir/index.html", OWN)


@pytest.mark.parametrize("algorithm", RESPONSES)
def test_response_of_the_standards_example(algorithm):
    """The response is the one that RFC 7616 prints."""
    assert f'response="{RESPONSES[algorithm]}"' in header(challenge(algorithm))
    assert f'opaque="{OPAQUE}"' in header(challenge(algorithm))


def test_better_algorithm_is_taken():
    """Of two challenges SHA-256 is answered, wherever it stands."""
    assert "algorithm=SHA-256" in header(challenge("MD5"), challenge("SHA-256"))


def test_every_request_counts():
    """A nonce that is used again comes with a higher count."""
    client = digest([challenge("SHA-256")], "Mufasa", "Circle of Life")
    assert ["nc=00000001", "nc=00000002"] == [client.header("GET", "/").split(", ")[-2] for _ in range(2)]


@pytest.mark.parametrize("unknown", ["Negotiate", "Digest realm", challenge("SHA-512-256"), "", 'Basic realm="x"'])
def test_challenge_that_cannot_be_answered(unknown):
    """Other schemes and algorithms are none of it."""
    assert digest([unknown], "Mufasa", "Circle of Life") is None
