"""What the log shows at its most talkative: no token, key or signature."""

import logging

import pytest

from genocloud.cli import logs

SECRET = "ya29Abc-SECRET_0123456789"


@pytest.mark.parametrize(
    "text",
    [
        "send: b'GET / HTTP/1.1\\r\\nAuthorization: Bearer SECRET\\r\\n'",
        "{'Authorization': 'Bearer SECRET', 'Host': 'x'}",
        "headers={b'authorization': b'AWS4-HMAC-SHA256 Credential=SECRET/2026, Signature=SECRET'}",
        "https://account.blob.core.windows.net/c/o?sv=2024&sig=SECRET&se=2026",
        "https://storage.googleapis.com/b/o?X-Goog-Credential=a&X-Goog-Signature=SECRET",
        "GET /o?X-Amz-Security-Token=SECRET&X-Amz-Signature=SECRET",
        "x-amz-security-token:SECRET",
        '{"access_token": "SECRET", "expires_in": 3599, "token_type": "Bearer"}',
        'body: b\'{"refresh_token":"SECRET"}\'',
        "grant_type=refresh_token&client_secret=SECRET&assertion=SECRET",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=SECRET;EndpointSuffix=x",
        "aws_secret_access_key=SECRET aws_session_token=SECRET",
        "https://user:SECRET@host/path",
        "Authorization: Basic SECRET",
        "Set-Cookie: SECRET",
        "-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----",
        "token=SECRET",
        "ya29.SECRET",
    ],
)
def test_secrets_are_hidden(text):
    shown = logs.without_secrets(text.replace("SECRET", SECRET))
    assert SECRET not in shown
    assert "SECRET_" not in shown
    assert logs.HIDDEN in shown


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/cohort: 3 objects",
        "/data/key=1/a.g.vcf.gz: line 7: PL is malformed; call it again",
        "tokens: 3 tasks are not done",
        "gs://bucket/batches/0123456789abcdef/receipt.json",
    ],
)
def test_all_else_is_shown(text):
    assert logs.without_secrets(text) == text


def test_the_log_hides_them_wherever_they_come_from(capsys, monkeypatch):
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.WARNING)
    logs.start_log(2)
    log = logging.getLogger("somebody")
    log.debug("asked with %s", {"Authorization": f"Bearer {SECRET}"})
    try:
        raise ValueError(f"https://host/o?sig={SECRET}")
    except ValueError:
        log.exception("failed")
    logging.getLogger("botocore.auth").debug("CanonicalRequest: anything")
    shown = capsys.readouterr().err
    assert "asked with" in shown
    assert "ValueError" in shown
    assert SECRET not in shown
    assert "CanonicalRequest" not in shown
