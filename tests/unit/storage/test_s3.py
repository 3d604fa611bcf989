"""What is said when a bucket of S3 cannot be used."""

import pytest
from botocore import exceptions as aws

from genocloud import storage
from genocloud.storage.s3 import explain


def answer(code: str, words: str = "the service's words") -> OSError:
    error = OSError(words)
    error.__cause__ = aws.ClientError({"Error": {"Code": code, "Message": words}}, "PutObject")
    return error


@pytest.mark.parametrize(
    ("error", "problem", "remedy"),
    [
        (answer("AccessDenied"), "permission denied", "s3:ListBucket"),
        (answer("403"), "permission denied", "s3:PutObject"),
        (answer("NoSuchBucket"), "its bucket does not exist", "make the bucket"),
        (answer("InvalidAccessKeyId"), "the AWS credentials do not work", "aws sso login"),
        (answer("ExpiredToken"), "the AWS credentials have expired", "aws sso login"),
        (answer("RequestTimeTooSkewed"), "clock is wrong", "set the clock"),
        (answer("BadDigest"), "the checksums here and in the bucket differ", "run this again"),
        (answer("KMS.NotFoundException"), "no such KMS key", "GENOCLOUD_S3_KMS_KEY"),
        (answer("SlowDown", "reduce your rate\nmore"), "the bucket refused (reduce your rate)", "check the URL"),
        (aws.NoCredentialsError(), "there are no AWS credentials on this machine", "aws configure"),
        (aws.ProfileNotFound(profile="lab"), "there are no AWS credentials on this machine", "AWS_PROFILE"),
        (aws.UnauthorizedSSOTokenError(), "the AWS credentials do not work", "aws sso login"),
        (aws.FlexibleChecksumError(error_msg="a, b"), "the checksums here and in the bucket differ", "run this again"),
        (aws.EndpointConnectionError(endpoint_url="u"), "the bucket cannot be reached", "check the network"),
        (TimeoutError(), "the bucket cannot be reached", "check the network"),
    ],
)
def test_each_trouble_is_reported_with_a_remedy(error, problem, remedy):
    message = explain("s3://b/a", error)
    assert message.url == "s3://b/a"
    assert problem in message.problem
    assert remedy in message.remedy
    assert "\n" not in str(message)


@pytest.fixture
def signed_out(monkeypatch, tmp_path):
    """A machine on which nobody has signed in, and that belongs to no cloud."""
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_PROFILE",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_missing_credentials_are_reported(signed_out, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    with pytest.raises(storage.StoreFailed, match="no AWS credentials on this machine; run `aws configure`"):
        storage.open_store("s3://bucket/a").list()


def test_a_bucket_that_amazon_would_not_take_is_reported(signed_out, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2")
    with pytest.raises(storage.StoreFailed, match="check the bucket's name"):
        storage.open_store("s3://no bucket/a").list()
