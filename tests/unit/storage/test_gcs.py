"""What is said when a bucket of Google Cloud Storage cannot be used."""

import pytest
from google.api_core import exceptions as api
from google.auth import exceptions as auth
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from requests import ConnectionError as NoConnection
from requests import Response

from genocloud import storage
from genocloud.storage.gcs import explain


def answer(status: int) -> Response:
    response = Response()
    response.status_code, response._content = status, b"the service's words"
    response.request = type("Request", (), {"method": "PUT", "url": "upload"})()
    return response


@pytest.mark.parametrize(
    ("error", "problem", "remedy"),
    [
        (
            api.Forbidden("anna has no storage.objects.create access"),
            "permission denied (anna has no",
            "Storage Object User",
        ),
        (InvalidResponse(answer(403), "Request failed"), "permission denied", "Storage Object User"),
        (api.Unauthorized("who are you"), "permission denied", "Storage Object User"),
        (auth.DefaultCredentialsError("none"), "there are no Google credentials", "gcloud auth application-default"),
        (auth.RefreshError("expired"), "the Google credentials do not work (expired)", "gcloud auth"),
        (DataCorruption(answer(200), "checksum"), "the checksums here and in the bucket differ", "run this again"),
        (NoConnection("no route"), "the bucket cannot be reached (no route)", "check the network"),
        (api.RetryError("timed out after 120 s", None), "the bucket cannot be reached (timed out", "check the network"),
        (api.BadRequest("requester pays\nmore"), "the bucket refused (requester pays)", "check the URL"),
    ],
)
def test_each_trouble_is_reported_with_a_remedy(error, problem, remedy):
    message = explain("gs://b/a", error)
    assert message.url == "gs://b/a"
    assert problem in message.problem
    assert remedy in message.remedy
    assert "\n" not in str(message)


def test_missing_credentials_are_reported(monkeypatch, tmp_path):
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(storage.StoreFailed, match="no Google credentials on this machine; run `gcloud auth"):
        storage.open_store("gs://bucket/a").list()


def test_a_bucket_that_google_would_not_take_is_reported(monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")
    with pytest.raises(storage.StoreFailed, match="check the bucket's name"):
        storage.open_store("gs://-bucket/a").read("a")
