"""The function's package as Lambda gets it: looked at with Python's own zip and ELF reading."""

import base64
import hashlib
import io
import struct
import urllib.request
import zipfile

import boto3
import pytest

MACHINES = {"arm64": 183, "x86_64": 62}
LIMIT = 1_500_000  # bytes; what a cold start has to fetch


def uploaded(chatctl, cloud, arch, name, **more):
    """Deploys for this processor and gives the function's configuration and its zip."""
    chatctl.run(
        "deploy", "--yes", "--no-prove", "--name", name, "--arch", arch, "--endpoint-url", cloud.endpoint, **more
    )
    client = boto3.client(
        "lambda",
        endpoint_url=cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    function = client.get_function(FunctionName=f"{name}-production")
    with urllib.request.urlopen(function["Code"]["Location"]) as answer:
        return function["Configuration"], answer.read()


@pytest.mark.parametrize("arch", MACHINES)
def test_a_static_bootstrap_for_each_processor_is_built_zipped_and_uploaded(chatctl, local_cloud, arch):
    configuration, data = uploaded(chatctl, local_cloud, arch, "pack-" + arch.replace("_", "-"))
    assert configuration["Architectures"] == [arch]
    assert configuration["Runtime"] == "provided.al2023"
    assert configuration["CodeSha256"] == base64.b64encode(hashlib.sha256(data).digest()).decode()
    assert len(data) <= LIMIT

    archive = zipfile.ZipFile(io.BytesIO(data))
    (entry,) = archive.infolist()
    assert entry.filename == "bootstrap"
    assert entry.external_attr >> 16 & 0o777 == 0o755
    elf = archive.read(entry)
    assert elf[:5] == b"\x7fELF\x02"
    assert struct.unpack_from("<H", elf, 18) == (MACHINES[arch],)
    offset, size, count = struct.unpack_from("<Q", elf, 32)[0], *struct.unpack_from("<HH", elf, 54)
    kinds = [struct.unpack_from("<I", elf, offset + index * size)[0] for index in range(count)]
    assert 3 not in kinds, "it asks for a loader, so it is not static"


def test_the_same_source_gives_the_same_bytes_in_another_folder(chatctl, local_cloud, tmp_path):
    first, _ = uploaded(chatctl, local_cloud, "arm64", "pack-one")
    second, _ = uploaded(
        chatctl, local_cloud, "arm64", "pack-two", CHATCTL_CACHE_DIR=str(tmp_path / "another" / "cache")
    )
    assert first["CodeSha256"] == second["CodeSha256"]

