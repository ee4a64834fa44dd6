"""The one JVM: a Spark Connect server on loopback behind a token. Every step is a light client of it."""

from __future__ import annotations

import os
import signal

from stack.layout import Layout
from stack.private_files import passwords
from stack.service import Service

MEMORY = "3g"
# A night is over before the optimising compiler has earned its keep, and a back-fill of years takes half as long with
# it: what runs ten times as often as Java's defaults ask is worth its while. Its code needs more room than they leave.
OPTIMISED_FROM = {"Invocation": 50_000, "MinInvocation": 6_000, "Compile": 150_000, "BackEdge": 400_000}  # calls, loops
JAVA_OPTIONS = " ".join([
    "-XX:+UseParallelGC -XX:ReservedCodeCacheSize=400m",
    *(f"-XX:Tier4{name}Threshold={number}" for name, number in OPTIMISED_FROM.items()),
])  # fmt: skip
SETTINGS = {
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    # in local mode Spark makes the secret itself; its driver's and block manager's ports answer nobody without it
    "spark.authenticate": "true",
    "spark.network.crypto.enabled": "true",
    "spark.log.level": "WARN",
    "spark.scheduler.mode": "FAIR",
    "spark.sql.catalogImplementation": "in-memory",  # the lake's folder is the catalogue: spark_jobs/lake/catalogue.py
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.variable.substitute": "false",  # a text with ${…} is that text, not a variable of the server
    "spark.sql.codegen.hugeMethodLimit": "8000",  # bytes: longer methods, as of a feed's casts, Java never compiles
    # Parquet's 1 MiB lets columns of ids, hashes and instants build dictionaries whose entries no second row uses
    "spark.hadoop.parquet.dictionary.page.size": str(64 * 2**10),
    "spark.sql.shuffle.partitions": str(os.cpu_count()),  # a wave of tasks; more would be as many more tasks a query
    # a task writes rows of up to so many partitions as they come; by default it first sorts them by partition. That
    # takes time and, where the sort spills, mixes up rows that lay in order: then files overlap, and none can be skipped
    "spark.sql.maxConcurrentOutputFileWriters": "16",
    # the default is INT96, which Parquet has given up: half as large again, and slow to write, to read and to skip
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.connect.serverStacktrace.enabled": "false",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # Delta's defaults are for clusters: 50 partitions for a log of a few files, 10,000 tasks to list a folder
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
    # readers without Spark (polars, DuckDB) must be able to open the tables
    "spark.databricks.delta.properties.defaults.enableDeletionVectors": "false",
}


def spark_environment(layout: Layout) -> dict[str, str]:
    """What a client needs. The token is honoured without TLS for the name localhost only."""
    token = passwords(layout.secrets / "spark.json", ["connect"])["connect"]
    return {
        "SPARK_REMOTE": f"sc://localhost:{layout.port('spark')}",
        "SPARK_CONNECT_AUTHENTICATE_TOKEN": token,
        "PYSPARK_PYTHON": str(layout.python("pipeline")),
    }


def spark_server(layout: Layout) -> Service:
    home = next((layout.repository / ".venv" / "pipeline" / "lib").glob("python3*/site-packages/pyspark"))
    jars = ",".join(str(jar) for jar in sorted(layout.jars.glob("*.jar")))
    scratch = layout.state / "spark" / "scratch"
    settings = {
        **SETTINGS,
        "spark.connect.grpc.binding.port": str(layout.port("spark")),
        "spark.sql.warehouse.dir": str(layout.state / "lake"),
        "spark.local.dir": str(scratch),
        "spark.driver.extraJavaOptions": JAVA_OPTIONS,
    }
    client = spark_environment(layout)
    return Service(
        layout,
        "spark",
        layout.port("spark"),
        [
            home / "bin" / "spark-submit",
            "--class",
            "org.apache.spark.sql.connect.service.SparkConnectServer",
            "--master",
            "local[*]",
            "--driver-memory",
            MEMORY,
            "--jars",
            jars,
            *(part for name, value in settings.items() for part in ("--conf", f"{name}={value}")),
            "spark-internal",
        ],
        environment={
            "SPARK_HOME": str(home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": client["PYSPARK_PYTHON"],
            "PYTHONPATH": str(layout.repository),
            "SPARK_CONNECT_AUTHENTICATE_TOKEN": client["SPARK_CONNECT_AUTHENTICATE_TOKEN"],
        },
        stop_signal=signal.SIGTERM,
        timeout=90,
        scratch=scratch,
    )
