"""boto3 clients for a server on loopback, without retries that would hide a failure."""
import boto3
from botocore.config import Config

from hinkserver import ACCESS_KEY, SECRET_KEY


def client_for(endpoint, access=ACCESS_KEY, secret=SECRET_KEY, verify=None, signature=None,
               **config):
    options = {"retries": {"max_attempts": 0}, "signature_version": signature, **config}
    return boto3.client("s3", endpoint_url=endpoint, aws_access_key_id=access,
                        aws_secret_access_key=secret, region_name="us-east-1", verify=verify,
                        config=Config(**options))
