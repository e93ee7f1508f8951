"""boto3 clients for a server on loopback, without retries that would hide a failure."""
import boto3
from botocore.config import Config

from hinkserver import ACCESS_KEY, SECRET_KEY


def client_for(endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY, verify=None, **config):
    options = {"retries": {"max_attempts": 0}, **config}
    return boto3.client("s3", endpoint_url=endpoint, aws_access_key_id=access_key,
                        aws_secret_access_key=secret_key, region_name="us-east-1", verify=verify,
                        config=Config(**options))
