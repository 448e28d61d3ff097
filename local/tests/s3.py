"""Objects through boto3 and `aws s3`: what comes back is compared by its hash with what was sent."""

import base64
import hashlib
import os
import subprocess
import tempfile
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from boto3.s3.transfer import TransferConfig
from common import *

AWS = os.environ.get("AWS_CLI")
MIB = 1024 * 1024
SMALL_PARTS = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)


def content(size, seed=0):
    """Bytes without repetition, so that a lost or a repeated part changes the hash."""
    blocks = (hashlib.sha256(f"{seed}/{number}".encode()).digest() for number in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def sha(data):
    return hashlib.sha256(data).hexdigest()


def got(bucket, key, **more):
    return s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()


def ranges_and_copies_keep_content():
    s3.create_bucket(Bucket="content")
    data = content(20 * MIB)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "file")
        path.write_bytes(data)
        s3.upload_file(str(path), "content", "large", Config=SMALL_PARTS, ExtraArgs={"Metadata": {"by": "test"}})
        s3.download_file("content", "large", str(path), Config=SMALL_PARTS)
        check(sha(path.read_bytes()) == sha(data), "the parts of a download are one")
    head = s3.head_object(Bucket="content", Key="large")
    check((head["ContentLength"], head["Metadata"]) == (len(data), {"by": "test"}) and head["ETag"].endswith('-4"'), head)
    for spec, expected, shown in (("bytes=0-9", data[:10], "bytes 0-9"), ("bytes=-7", data[-7:], None), (f"bytes={len(data) - 3}-", data[-3:], None)):
        found = s3.get_object(Bucket="content", Key="large", Range=spec)
        check(found["Body"].read() == expected and found["ResponseMetadata"]["HTTPStatusCode"] == 206, spec)
        check(found["ContentRange"].endswith(f"/{len(data)}") and (not shown or found["ContentRange"].startswith(shown)), found)
    check(s3.head_object(Bucket="content", Key="large", Range="bytes=0-9")["ContentLength"] == 10)
    refused("InvalidRange", "not satisfiable", s3.get_object, Bucket="content", Key="large", Range=f"bytes={len(data)}-")

    s3.create_bucket(Bucket="other-bucket")
    s3.copy_object(Bucket="other-bucket", Key="a b/ü+%", CopySource={"Bucket": "content", "Key": "large"})
    check(sha(got("other-bucket", "a b/ü+%")) == sha(data))
    s3.copy({"Bucket": "other-bucket", "Key": "a b/ü+%"}, "content", "again", Config=SMALL_PARTS)
    check(sha(got("content", "again")) == sha(data), "a copy in parts")
    replaced = {"CopySource": "content/large", "MetadataDirective": "REPLACE", "Metadata": {"new": "1"}, "ContentType": "text/plain"}
    s3.copy_object(Bucket="content", Key="large", **replaced)
    head = s3.head_object(Bucket="content", Key="large")
    check((head["Metadata"], head["ContentType"], head["ContentLength"]) == ({"new": "1"}, "text/plain", len(data)), head)
    refused("InvalidRequest", "to itself", s3.copy_object, Bucket="content", Key="large", CopySource="content/large")
    refused("NoSuchKey", "", s3.copy_object, Bucket="content", Key="x", CopySource="content/nothing")
    refused("404", "", s3.head_object, Bucket="content", Key="nothing")


def what_is_put_is_checked():
    s3.create_bucket(Bucket="checked")
    etag = s3.put_object(Bucket="checked", Key="k", Body=b"one", Tagging="team=ml&x=1")["ETag"]
    check(etag == f'"{hashlib.md5(b"one").hexdigest()}"', etag)
    check(s3.get_object_tagging(Bucket="checked", Key="k")["TagSet"] == [{"Key": "team", "Value": "ml"}, {"Key": "x", "Value": "1"}])
    refused("BadDigest", "Content-MD5", s3.put_object, Bucket="checked", Key="bad", Body=b"x", ContentMD5=base64.b64encode(b"0" * 16).decode())
    refused("PreconditionFailed", "", s3.put_object, Bucket="checked", Key="k", Body=b"two", IfNoneMatch="*")
    refused("PreconditionFailed", "", s3.put_object, Bucket="checked", Key="k", Body=b"two", IfMatch='"other"')
    refused("304", "", s3.get_object, Bucket="checked", Key="k", IfNoneMatch=etag)
    check(got("checked", "k") == b"one")
    check(s3.get_object(Bucket="checked", Key="k", ResponseContentType="text/html")["ContentType"] == "text/html")
    upload = s3.create_multipart_upload(Bucket="checked", Key="parts")["UploadId"]
    first = s3.upload_part(Bucket="checked", Key="parts", UploadId=upload, PartNumber=1, Body=b"first")["ETag"]
    check([one["Size"] for one in s3.list_parts(Bucket="checked", Key="parts", UploadId=upload)["Parts"]] == [5])
    check([one["Key"] for one in s3.list_multipart_uploads(Bucket="checked")["Uploads"]] == ["parts"])
    refused("InvalidPart", "", s3.complete_multipart_upload, Bucket="checked", Key="parts", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"x"'}]})
    s3.complete_multipart_upload(Bucket="checked", Key="parts", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": first}]})
    refused("NoSuchUpload", "", s3.abort_multipart_upload, Bucket="checked", Key="parts", UploadId=upload)
    for call, more in ((s3.get_object_acl, {}), (s3.get_object_attributes, {"ObjectAttributes": ["ETag"]}), (s3.restore_object, {"RestoreRequest": {"Days": 1}})):
        refused("NotImplemented", "Local mode does not implement", call, Bucket="checked", Key="k", **more)
    refused("NotImplemented", "", s3.list_bucket_inventory_configurations, Bucket="checked")
    refused("NoSuchVersion", "", s3.get_object, Bucket="checked", Key="k", VersionId="2")
    for name in ("Upper", "under_score", "a..b"):
        # The client checks some of these itself: only what reaches the endpoint counts.
        refused("InvalidBucketName", "", s3.create_bucket, Bucket=name) if name != "Upper" else None


def raw(method, path, body=None, **headers):
    """The status and the body of an answer to a request that no client would send."""
    authorization = "AWS4-HMAC-SHA256 Credential=local/20261127/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
    headers = {"Authorization": authorization, "Content-Type": "application/xml", **headers}
    try:
        with urllib.request.urlopen(urllib.request.Request(URL + path, body, headers, method=method)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def wrong_requests_lose_nothing():
    s3.create_bucket(Bucket="wrong")
    s3.put_object(Bucket="wrong", Key="k", Body=b"hello")
    # A request whose second half is malformed deletes nothing, and a long document is refused.
    for objects in (b"<Object><Key>k</Key></Object><Object><Other/></Object>", b"<Object><Key>k</Key></Object>" + b"<a/>" * 60_000):
        status, body = raw("POST", "/wrong?delete", b"<Delete>" + objects + b"</Delete>")
        check(status == 400 and b"MalformedXML" in body, status, body)
    refused("PreconditionFailed", "", s3.delete_object, Bucket="wrong", Key="k", IfMatch='"other"')
    check(got("wrong", "k") == b"hello")
    # The length and the connection of an answer are not the client's to choose.
    for name in ("content-length", "transfer-encoding", "connection"):
        check(raw("GET", f"/wrong/k?response-{name}=9999") == (200, b"hello"), name)
    # What could not be read when it comes back is not kept.
    for path in ("/wrong/k?tagging", "/wrong?versioning", "/wrong?tagging", "/wrong?lifecycle"):
        for body in (b"<not xml", b"", b"text"):
            status, answer = raw("PUT", path, body)
            check(status == 400 and b"MalformedXML" in answer, path, body, status, answer)
    for policy in ("text", "[]"):
        refused("MalformedPolicy", "", s3.put_bucket_policy, Bucket="wrong", Policy=policy)
    tags = [{"Key": str(number), "Value": "x"} for number in range(11)]
    refused("BadRequest", "greater than 10", s3.put_object_tagging, Bucket="wrong", Key="k", Tagging={"TagSet": tags})
    s3.put_object_tagging(Bucket="wrong", Key="k", Tagging={"TagSet": tags[:10]})
    check(len(s3.get_object_tagging(Bucket="wrong", Key="k")["TagSet"]) == 10)
    check("Status" not in s3.get_bucket_versioning(Bucket="wrong"))
    long = "x" * 1025
    for call, more in ((s3.put_object, {}), (s3.copy_object, {"CopySource": "wrong/k"}), (s3.create_multipart_upload, {})):
        refused("KeyTooLongError", "", call, Bucket="wrong", Key=long, **more)
    # Only the last part may be small.
    upload = dict(Bucket="wrong", Key="parts", UploadId=s3.create_multipart_upload(Bucket="wrong", Key="parts")["UploadId"])
    part = lambda number, size: {"PartNumber": number, "ETag": s3.upload_part(PartNumber=number, Body=b"x" * size, **upload)["ETag"]}
    small = [part(1, 5 * MIB - 1), part(2, 1)]
    refused("EntityTooSmall", "", s3.complete_multipart_upload, MultipartUpload={"Parts": small}, **upload)
    s3.complete_multipart_upload(MultipartUpload={"Parts": [part(1, 5 * MIB), small[1]]}, **upload)
    check(s3.head_object(Bucket="wrong", Key="parts")["ContentLength"] == 5 * MIB + 1)


def lists_are_complete():
    s3.create_bucket(Bucket="listed")
    keys = sorted([f"a/{number:04}" for number in range(1010)] + ["b", "c/d/e", "c/d/f", "z & <&>"])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket="listed", Key=key, Body=key.encode()), keys))
    for name, entries in (("list_objects_v2", "Contents"), ("list_objects", "Contents"), ("list_object_versions", "Versions")):
        pages = list(s3.get_paginator(name).paginate(Bucket="listed"))
        found = [one for page in pages for one in page[entries]]
        check([one["Key"] for one in found] == keys and len(pages) == 2, name)
        check(all(one["Size"] == len(one["Key"].encode()) for one in found), name)
    short = list(s3.get_paginator("list_objects_v2").paginate(Bucket="listed", Delimiter="/", PaginationConfig={"PageSize": 1}))
    check([one["Prefix"] for page in short for one in page.get("CommonPrefixes", [])] == ["a/", "c/"], short)
    check([one["Key"] for page in short for one in page.get("Contents", [])] == ["b", "z & <&>"], short)
    below = s3.list_objects_v2(Bucket="listed", Prefix="c/", Delimiter="/")
    check([one["Prefix"] for one in below["CommonPrefixes"]] == ["c/d/"] and below["KeyCount"] == 1, below)
    check(s3.list_objects_v2(Bucket="listed", StartAfter="c/d/e")["KeyCount"] == 2)
    refused("InvalidArgument", "continuation token", s3.list_objects_v2, Bucket="listed", ContinuationToken="***")
    names = [{"Key": key} for key in keys]
    gone = s3.delete_objects(Bucket="listed", Delete={"Objects": names[:1000]})
    check([one["Key"] for one in gone["Deleted"]] == keys[:1000] and "Errors" not in gone)
    s3.delete_objects(Bucket="listed", Delete={"Objects": names[1000:], "Quiet": True})
    check(s3.list_objects_v2(Bucket="listed")["KeyCount"] == 0)
    refused("MalformedXML", "", s3.delete_objects, Bucket="listed", Delete={"Objects": [{"Key": str(number)} for number in range(1001)]})
    s3.delete_bucket(Bucket="listed")
    refused("NoSuchBucket", "", s3.list_objects_v2, Bucket="listed")


def settings_are_returned():
    s3.create_bucket(Bucket="settings")
    refused("NoSuchBucketPolicy", "", s3.get_bucket_policy, Bucket="settings")
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    s3.put_bucket_policy(Bucket="settings", Policy=policy)
    check(s3.get_bucket_policy(Bucket="settings")["Policy"] == policy)
    s3.delete_bucket_policy(Bucket="settings")
    refused("NoSuchBucketPolicy", "", s3.get_bucket_policy, Bucket="settings")
    rules = s3.get_bucket_encryption(Bucket="settings")["ServerSideEncryptionConfiguration"]["Rules"]
    check(rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256")
    s3.put_bucket_versioning(Bucket="settings", VersioningConfiguration={"Status": "Enabled"})
    check(s3.get_bucket_versioning(Bucket="settings")["Status"] == "Enabled")
    west = client("s3", "us-west-2")
    west.create_bucket(Bucket="in-the-west", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    check(s3.get_bucket_location(Bucket="in-the-west")["LocationConstraint"] == "us-west-2")
    check({"Name", "CreationDate"} <= set(s3.list_buckets()["Buckets"][0]))
    few = s3.list_buckets(MaxBuckets=1)
    check(len(few["Buckets"]) == 1 and few["ContinuationToken"], few)


def the_command_line_keeps_content():
    if not AWS:
        return print("skipped: the AWS CLI is not installed (`cargo xtask tools`)")
    aws = lambda *arguments: subprocess.run([AWS, "--endpoint-url", URL, "s3", *arguments], check=True, capture_output=True, text=True).stdout
    data = content(19 * MIB + 7, seed=1)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "file")
        path.write_bytes(data)
        aws("mb", "s3://cli-one")
        aws("cp", str(path), "s3://cli-one/dir/large")
        aws("mv", "s3://cli-one/dir/large", "s3://cli-one/moved/large")
        check("dir/" not in aws("ls", "s3://cli-one/"), "what was moved is gone")
        check(str(len(data)) in aws("ls", "s3://cli-one/moved/"))
        aws("cp", "s3://cli-one/moved/large", str(path))
        check(sha(path.read_bytes()) == sha(data), "there and back")
        tree = Path(directory, "tree")
        for number in range(30):
            file = tree / f"d{number % 3}" / f"f {number}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content(1000 + number, seed=number))
        aws("sync", str(tree), "s3://cli-one/tree")
        check(aws("sync", str(tree), "s3://cli-one/tree") == "", "nothing is to be done twice")
        back = Path(directory, "back")
        aws("sync", "s3://cli-one/tree", str(back))
        hashes = lambda root: {str(one.relative_to(root)): sha(one.read_bytes()) for one in root.rglob("*") if one.is_file()}
        check(hashes(back) == hashes(tree) and len(hashes(tree)) == 30)
        aws("cp", "s3://cli-one/tree", "s3://cli-one/copy", "--recursive")
        aws("rm", "s3://cli-one/tree", "--recursive")
        check(aws("ls", "s3://cli-one/tree/", "--recursive") == "" if s3.list_objects_v2(Bucket="cli-one", Prefix="tree/")["KeyCount"] else True)
        aws("rb", "s3://cli-one", "--force")
        refused("404", "", s3.head_bucket, Bucket="cli-one")


run(
    ranges_and_copies_keep_content, what_is_put_is_checked, wrong_requests_lose_nothing, lists_are_complete, settings_are_returned,
    the_command_line_keeps_content,
)
