from typing import Any

import pytest

from monitoring.evidence import chain
from monitoring.evidence.errors import FrameDamaged


def header(**other: Any) -> chain.Header:
    fields: dict[str, Any] = {
        "seq": 1,
        "type": "tick",
        "received_at_ns": 5,
        "door": "clock",
        "principal": "",
        "meta": {"b": 1, "a": "ж"},
        "size": 3,
        "commitment": chain.commitment(b"s" * 16, b"abc"),
        "prev": chain.GENESIS.hex(),
    }
    return chain.Header(**{**fields, **other})


def test_a_header_is_canonical_json_and_comes_back() -> None:
    data = header().encode()
    assert data.startswith(b'{"commitment":"')
    assert '"meta":{"a":"ж","b":1}'.encode() in data
    assert chain.decode_header(data) == header()


def test_fields_of_a_later_version_are_passed_over() -> None:
    data = header().encode()[:-1] + b',"later":true}'
    assert chain.decode_header(data) == header()


def test_what_is_no_header_is_damage() -> None:
    with pytest.raises(FrameDamaged, match="header cannot be read"):
        chain.decode_header(b'{"seq":"one"}')


def test_the_same_payload_under_another_salt_has_another_commitment() -> None:
    assert chain.commitment(b"a" * 16, b"x") != chain.commitment(b"b" * 16, b"x")


def test_a_payload_comes_back_and_a_changed_one_is_noticed() -> None:
    body = chain.seal(b"s" * 16, b"abc")
    assert chain.unseal(header(), body, check=True) == b"abc"
    with pytest.raises(FrameDamaged, match="commitment"):
        chain.unseal(header(), chain.seal(b"s" * 16, b"abd"), check=True)
    with pytest.raises(FrameDamaged, match="length"):
        chain.unseal(header(), body + b"x")


def test_a_header_must_follow_the_one_before_it() -> None:
    chain.check_link(header(), 1, chain.GENESIS)
    with pytest.raises(FrameDamaged, match="record 2 is missing"):
        chain.check_link(header(), 2, chain.GENESIS)
    with pytest.raises(FrameDamaged, match="does not continue the chain"):
        chain.check_link(header(), 1, b"\x01" * 32)


def test_the_hash_of_a_header_does_not_depend_on_the_payload_bytes_only_on_their_commitment() -> None:
    one, other = header(), header(commitment=chain.commitment(b"t" * 16, b"abc"))
    assert chain.header_hash(one.encode()) != chain.header_hash(other.encode())
