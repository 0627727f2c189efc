"""Tokens against cross-site requests."""

from carnet.security.xsrf import FormTokens, token_of_login


def test_ac7_each_login_has_its_own_and_it_does_not_tell_the_secret() -> None:
    assert token_of_login("one") == token_of_login("one") != token_of_login("two")
    assert len(token_of_login("one")) == 64


def test_ac8_form_tokens_are_ours_or_not() -> None:
    tokens, others = FormTokens(), FormTokens()
    made = tokens.make()

    assert tokens.is_ours(made)
    assert FormTokens(b"k" * 32).is_ours(FormTokens(b"k" * 32).make())
    assert made != tokens.make()
    assert not any(
        map(tokens.is_ours, (others.make(), "", "0" * 96, made[:-1], made + "0", made.upper(), "é" * 96))
    )
