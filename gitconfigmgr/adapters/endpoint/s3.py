"""A published tree in an S3-compatible store, read only: `s3://bucket/prefix`. Credentials, region and address are those of AWS_*."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.model.names import SEGMENT
from gitconfigmgr.release import layout
from gitconfigmgr.sync.endpoint import MOST_BYTES

_MUTABLE = (layout.TIMESTAMP, layout.DISCOVERY)
_ABSENT = ("404", "NoSuchKey", "NotFound")


class S3Tree:
    """See Tree. Raises UsageError for an address that is none; what the store says of itself is not shown."""

    def __init__(self, address: str) -> None:
        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        if not bucket:
            raise UsageError(f"{address} names no bucket", "such as s3://config/published")
        try:
            boto3, config = import_module("boto3"), import_module("botocore.config")
            self._errors: Any = import_module("botocore.exceptions")
        except ModuleNotFoundError as error:
            raise UsageError(f"{error.name} is needed and not installed", "pip install 'gitconfigmgr[aws]'") from None
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        bounds = config.Config(connect_timeout=5, read_timeout=20, retries={"max_attempts": 2}, max_pool_connections=32)
        try:
            self._client: Any = boto3.client("s3", config=bounds)
        except self._errors.BotoCoreError as error:
            raise UsageError(f"{address}: {type(error).__name__}", "set AWS_DEFAULT_REGION and credentials") from None

    def tenants(self) -> list[str]:
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix, Delimiter="/"
            )
            found = [
                item["Prefix"].removeprefix(self._prefix).rstrip("/")
                for page in pages
                for item in page.get("CommonPrefixes", ())
            ]
        except (self._errors.ClientError, self._errors.BotoCoreError) as error:
            raise self._failed("", error) from None
        return sorted(name for name in found if SEGMENT.match(name))

    def read(self, tenant: str, path: str) -> bytes | None:
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=f"{self._prefix}{tenant}/{path}")
            if found["ContentLength"] > MOST_BYTES:
                raise OutsideError(f"{tenant}/{path} is larger than {MOST_BYTES} bytes")
            data: bytes = found["Body"].read()
        except (self._errors.ClientError, self._errors.BotoCoreError) as error:
            if _code(error) in _ABSENT:
                return None
            raise self._failed(f"{tenant}/{path}", error) from None
        return data

    def stamp(self, tenant: str) -> object:
        return tuple(self._tag(f"{self._prefix}{tenant}/{path}") for path in _MUTABLE)

    def _tag(self, key: str) -> str | None:
        try:
            found: str = self._client.head_object(Bucket=self._bucket, Key=key)["ETag"]
        except (self._errors.ClientError, self._errors.BotoCoreError) as error:
            if _code(error) in _ABSENT:
                return None
            raise self._failed(key, error) from None
        return found

    def _failed(self, key: str, error: Exception) -> OutsideError:
        what = _code(error) or type(error).__name__
        return OutsideError(
            f"s3://{self._bucket}/{key}: {what}", "check the bucket, the credentials and AWS_ENDPOINT_URL"
        )


def _code(error: Exception) -> str:
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
