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
logs.create_log_group(logGroupName="/bench/boto")
logs.create_log_stream(logGroupName="/bench/boto", logStreamName="s")


def put_logs():
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": json.dumps({"level": "INFO", "message": f"entry {n}"})} for n in range(100)]
    logs.put_log_events(logGroupName="/bench/boto", logStreamName="s", logEvents=events)


row("secret, uncached", 300, 1, lambda: secrets.get_secret_value(SecretId=SECRET))
row("upload 1 MB", 60, 1, lambda: s3.put_object(Bucket=BUCKET, Key="boto/1", Body=one))
row("upload 50 MB", 6, 50, lambda: s3.upload_fileobj(io.BytesIO(fifty), BUCKET, "boto/50"))
row("download 1 MB", 100, 1, lambda: s3.get_object(Bucket=BUCKET, Key="boto/1")["Body"].read())
row("metrics, 20 a batch", 100, 20, lambda: metrics.put_metric_data(Namespace="Bench", MetricData=datum))
row("logs, 100 a batch", 100, 100, put_logs)
