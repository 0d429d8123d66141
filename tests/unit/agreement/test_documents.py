"""Texts of agreements and notices: what they hold, and which are refused."""

import pytest

from monitoring.agreement import AgreementInvalid
from monitoring.agreement.documents import NESTED_MOST, plain_document


@pytest.mark.parametrize(
    ("begin", "opened", "closed"), [("a: ", "[", "]"), ("a: ", "{a: ", "}"), ("a:\n  ", "- ", "")]
)
@pytest.mark.parametrize("levels", [NESTED_MOST, 1_000, 200_000])
def test_a_text_that_is_nested_too_deep_is_refused_and_does_no_harm(begin, opened, closed, levels):
    text = begin + opened * levels + "1" + closed * levels
    with pytest.raises(AgreementInvalid, match="nested deeper"):
        plain_document(text, "notices.yaml")


def test_what_is_nested_as_deep_as_may_be_is_read():
    levels = NESTED_MOST - 1
    assert plain_document("a: " + "[" * levels + "]" * levels, "notices.yaml")["a"] is not None


@pytest.mark.parametrize("text", ["a: [1\nb: 2", "a: " + "[" * 50, "a: 1\na: 2", "a: 'x"])
def test_a_broken_text_is_refused_with_its_place(text):
    with pytest.raises(AgreementInvalid, match=r"line [12]"):
        plain_document(text, "notices.yaml")
