"""What is said when a container of Azure cannot be used."""

import pytest
from azure.core import exceptions as api

from genocloud import storage
from genocloud.storage.azure import explain


def answer(code: str, status: int = 400) -> api.HttpResponseError:
    error = api.HttpResponseError("the service's words\nmore")
    error.error_code, error.status_code = code, status
    return error


@pytest.mark.parametrize(
    ("error", "problem", "remedy"),
    [
        (answer("AuthorizationPermissionMismatch", 403), "permission denied", "Storage Blob Data Contributor"),
        (answer("AuthorizationFailure", 403), "permission denied", "firewall"),
        (answer("KeyVaultAccess", 403), "permission denied (KeyVaultAccess)", "Storage Blob Data Contributor"),
        (answer("AuthenticationFailed", 403), "the Azure credentials do not work", "az login"),
        (answer("ContainerNotFound", 404), "its container does not exist", "make the container"),
        (answer("Md5Mismatch"), "the checksums here and in the container differ", "run this again"),
        (answer("", 400), "the container refused (the service's words)", "check the URL"),
        (api.AzureError("MD5 mismatch. Expected value is 'a'"), "the checksums here", "run this again"),
        (api.ClientAuthenticationError("no token\nmore"), "no Azure credentials on this machine", "az login"),
        (api.ServiceRequestError("no route"), "the container cannot be reached (no route)", "check the account's name"),
        (TimeoutError("late"), "the container cannot be reached (late)", "the network"),
    ],
)
def test_each_trouble_is_reported_with_a_remedy(error, problem, remedy):
    message = explain("az://c/a", error)
    assert message.url == "az://c/a"
    assert problem in message.problem
    assert remedy in message.remedy
    assert "\n" not in str(message)


def test_a_missing_account_is_reported(monkeypatch):
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_CONNECTION_STRING"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(storage.StoreFailed, match="no Azure storage account is named; set AZURE_STORAGE_ACCOUNT_NAME"):
        storage.open_store("az://container/a").list()
