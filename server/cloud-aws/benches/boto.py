"""The rows of cloud.rs with boto3, against the same emulator: one JSON object a row on standard output."""

import io
import json
import sys
import time

import boto3
from botocore.config import Config

ENDPOINT, BUCKET, SECRET, SCALE = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
OPTIONS = {
    "endpoint_url": ENDPOINT,
    "region_name": "us-east-1",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}
MB = 1 << 20


def client(name, **more):
    return boto3.client(name, **OPTIONS, **more)


def row(name, times, units, do):
    do()
    seconds = []
    for _ in range(max(3, int(times * SCALE))):
        began = time.perf_counter()
        do()
        seconds.append(time.perf_counter() - began)
    print(json.dumps({"name": name, "units": units, "seconds": seconds}), flush=True)


s3 = client("s3", config=Config(s3={"addressing_style": "path"}))
secrets = client("secretsmanager")
metrics = client("cloudwatch")
logs = client("logs")

one, fifty = bytes(MB), bytes(50 * MB)
datum = [{"MetricName": "M", "Value": 1.0, "Unit": "Count", "Dimensions": [{"Name": "D", "Value": "d"}]}] * 20
for make, what in [(logs.create_log_group, {}), (logs.create_log_stream, {"logStreamName": "s"})]:
    try:
        make(logGroupName="/bench/boto", **what)
    except logs.exceptions.ResourceAlreadyExistsException:
        pass  # of an earlier turn


def put_logs():
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": json.dumps({"level": "INFO", "message": f"entry {n}"})} for n in range(100)]
    logs.put_log_events(logGroupName="/bench/boto", logStreamName="s", logEvents=events)


row("secret, uncached", 100, 1, lambda: secrets.get_secret_value(SecretId=SECRET))
row("upload 1 MB", 30, 1, lambda: s3.put_object(Bucket=BUCKET, Key="boto/1", Body=one))
row("upload 50 MB", 3, 50, lambda: s3.upload_fileobj(io.BytesIO(fifty), BUCKET, "boto/50"))
row("download 1 MB", 50, 1, lambda: s3.get_object(Bucket=BUCKET, Key="boto/1")["Body"].read())
row("metrics, 20 a batch", 50, 20, lambda: metrics.put_metric_data(Namespace="Bench", MetricData=datum))
row("logs, 100 a batch", 50, 100, put_logs)
