"""What programs build on S3: compare-and-set registers, lock files, put-if-absent logs, immutable
backups, and configurations that are read back as they were written."""
import datetime
import json
import threading

import pytest
from botocore.exceptions import ClientError

from s3client import client_for

THREADS = 6


def code_of(call, **words):
    try:
        call(**words)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


def at_once(work, count=THREADS):
    """Runs work(0) … work(count-1) in threads and gives what they returned."""
    results = [None] * count
    failed = []

    def run(number):
        try:
            results[number] = work(number)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    return results


def test_register_with_compare_and_set(zone, s3, bucket):
    """Every successful write saw what it replaced: no increment is lost under contention."""
    s3.put_object(Bucket=bucket, Key="register", Body=b"0")

    def increment(number):
        client = client_for(zone.endpoint)
        done = 0
        while done < 10:
            seen = client.get_object(Bucket=bucket, Key="register")
            value = int(seen["Body"].read())
            code = code_of(client.put_object, Bucket=bucket, Key="register",
                           Body=str(value + 1).encode(), IfMatch=seen["ETag"])
            assert code in (None, "PreconditionFailed", "ConditionalRequestConflict")
            done += code is None
        return done

    assert sum(at_once(increment)) == THREADS * 10
    assert int(s3.get_object(Bucket=bucket, Key="register")["Body"].read()) == THREADS * 10


def test_lock_file_as_terraform_keeps_it(zone, s3, bucket):
    """One of many takes the lock; whoever has it releases it; then another can."""
    for round_number in range(3):
        def take(number):
            client = client_for(zone.endpoint)
            return code_of(client.put_object, Bucket=bucket, Key="state.tflock",
                           Body=json.dumps({"ID": number}).encode(), IfNoneMatch="*",
                           ContentType="application/json")

        codes = at_once(take)
        assert codes.count(None) == 1
        assert set(codes) - {None} <= {"PreconditionFailed", "ConditionalRequestConflict"}
        held = json.loads(s3.get_object(Bucket=bucket, Key="state.tflock")["Body"].read())
        assert codes[held["ID"]] is None
        s3.delete_object(Bucket=bucket, Key="state.tflock")


def test_log_by_put_if_absent(zone, s3, bucket):
    """As Delta writes its log: each version has one writer, nobody's commit is lost."""
    def commit(number):
        client = client_for(zone.endpoint)
        mine = []
        version = 0
        while len(mine) < 5:
            key = f"_delta_log/{version:020}.json"
            if code_of(client.put_object, Bucket=bucket, Key=key, IfNoneMatch="*",
                       Body=f"{number}:{len(mine)}".encode()) is None:
                mine.append(version)
            version += 1
        return mine

    versions = sorted(version for mine in at_once(commit) for version in mine)
    assert versions == list(range(THREADS * 5))


@pytest.fixture
def locked_bucket(s3):
    name = "locked-" + datetime.datetime.now().strftime("%H%M%S%f")
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def test_backups_that_nobody_can_take_away(s3, locked_bucket):
    """As Veeam does it: COMPLIANCE retention for each object, no default of the bucket's."""
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    until = until.replace(microsecond=0)
    put = s3.put_object(Bucket=locked_bucket, Key="backup", Body=b"first")
    version = put["VersionId"]
    s3.put_object_retention(Bucket=locked_bucket, Key="backup", VersionId=version,
                            Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until})
    kept = s3.get_object_retention(Bucket=locked_bucket, Key="backup", VersionId=version)
    assert kept["Retention"] == {"Mode": "COMPLIANCE", "RetainUntilDate": until}
    where = {"Bucket": locked_bucket, "Key": "backup", "VersionId": version}
    assert code_of(s3.delete_object, **where) == "AccessDenied"
    assert code_of(s3.delete_object, **where, BypassGovernanceRetention=True) == "AccessDenied"
    sooner = {"Mode": "COMPLIANCE", "RetainUntilDate": until - datetime.timedelta(hours=1)}
    assert code_of(s3.put_object_retention, **where, Retention=sooner) == "AccessDenied"
    later = {"Mode": "COMPLIANCE", "RetainUntilDate": until + datetime.timedelta(hours=1)}
    s3.put_object_retention(**where, Retention=later)
    # New versions of a locked key are welcome, and a delete marker hides nothing for good.
    s3.put_object(Bucket=locked_bucket, Key="backup", Body=b"second")
    s3.delete_object(Bucket=locked_bucket, Key="backup")
    assert s3.get_object(**where)["Body"].read() == b"first"
    assert code_of(s3.delete_bucket, Bucket=locked_bucket) == "BucketNotEmpty"


CORS = {"CORSRules": [{"ID": "one", "AllowedHeaders": ["*"], "AllowedMethods": ["GET", "PUT"],
                       "AllowedOrigins": ["https://a.example"], "ExposeHeaders": ["ETag"],
                       "MaxAgeSeconds": 300}]}
WEBSITE = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"},
           "RoutingRules": [{"Condition": {"KeyPrefixEquals": "docs/"},
                             "Redirect": {"ReplaceKeyPrefixWith": "documents/"}}]}
INVENTORY = {"Id": "all", "IsEnabled": True, "IncludedObjectVersions": "All",
             "Schedule": {"Frequency": "Daily"},
             "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::inventory",
                                                     "Format": "CSV"}}}
TIERING = {"Id": "cold", "Status": "Enabled",
           "Tierings": [{"AccessTier": "ARCHIVE_ACCESS", "Days": 90}]}
ANALYTICS = {"Id": "all", "StorageClassAnalysis": {}}
BLOCK = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True,
         "RestrictPublicBuckets": True}

# What a provider writes, and reads back until nothing differs: put, its argument, get, its answer.
ROUND_TRIPS = [
    ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}},
     "get_bucket_versioning", {"Status": "Enabled"}),
    ("put_bucket_tagging", {"Tagging": {"TagSet": [{"Key": "env", "Value": "test"}]}},
     "get_bucket_tagging", {"TagSet": [{"Key": "env", "Value": "test"}]}),
    ("put_bucket_cors", {"CORSConfiguration": CORS}, "get_bucket_cors", CORS),
    ("put_bucket_website", {"WebsiteConfiguration": WEBSITE}, "get_bucket_website", WEBSITE),
    ("put_bucket_request_payment", {"RequestPaymentConfiguration": {"Payer": "Requester"}},
     "get_bucket_request_payment", {"Payer": "Requester"}),
    ("put_bucket_accelerate_configuration", {"AccelerateConfiguration": {"Status": "Suspended"}},
     "get_bucket_accelerate_configuration", {"Status": "Suspended"}),
    ("put_public_access_block", {"PublicAccessBlockConfiguration": BLOCK},
     "get_public_access_block", {"PublicAccessBlockConfiguration": BLOCK}),
    ("put_bucket_ownership_controls",
     {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}},
     "get_bucket_ownership_controls",
     {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}}),
]
WITH_IDS = [
    ("inventory", "all", {"InventoryConfiguration": INVENTORY}),
    ("analytics", "all", {"AnalyticsConfiguration": ANALYTICS}),
    ("metrics", "all", {"MetricsConfiguration": {"Id": "all"}}),
    ("intelligent_tiering", "cold", {"IntelligentTieringConfiguration": TIERING}),
]


def plain(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


@pytest.mark.parametrize("put,argument,get,expected", ROUND_TRIPS)
def test_configurations_round_trip(s3, bucket, put, argument, get, expected):
    getattr(s3, put)(Bucket=bucket, **argument)
    assert plain(getattr(s3, get)(Bucket=bucket)) == expected
    getattr(s3, put)(Bucket=bucket, **argument)
    assert plain(getattr(s3, get)(Bucket=bucket)) == expected


@pytest.mark.parametrize("kind,name,argument", WITH_IDS)
def test_configurations_with_ids_round_trip(s3, bucket, kind, name, argument):
    call = f"bucket_{kind}_configuration"
    getattr(s3, "put_" + call)(Bucket=bucket, Id=name, **argument)
    assert plain(getattr(s3, "get_" + call)(Bucket=bucket, Id=name)) == argument
    listed = plain(getattr(s3, f"list_{call}s")(Bucket=bucket))
    found = [entry for value in listed.values() if isinstance(value, list) for entry in value]
    assert found == list(argument.values())
    getattr(s3, "delete_" + call)(Bucket=bucket, Id=name)
    assert code_of(getattr(s3, "get_" + call), Bucket=bucket, Id=name) == "NoSuchConfiguration"


def test_policy_round_trips(s3, bucket):
    policy = {"Version": "2012-10-17", "Statement": [
        {"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
         "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
         "Condition": {"Bool": {"aws:SecureTransport": "false"},
                       "NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}}]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == policy
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is False
    s3.delete_bucket_policy(Bucket=bucket)
    assert code_of(s3.get_bucket_policy, Bucket=bucket) == "NoSuchBucketPolicy"


def test_object_lock_round_trips(s3, locked_bucket):
    rule = {"ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    s3.put_object_lock_configuration(Bucket=locked_bucket, ObjectLockConfiguration=rule)
    answer = s3.get_object_lock_configuration(Bucket=locked_bucket)
    assert answer["ObjectLockConfiguration"] == rule
