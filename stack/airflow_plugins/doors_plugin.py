"""How Airflow is told of what stands before its API server; every Airflow process reads this file, so it is small."""

from __future__ import annotations

from typing import ClassVar

from airflow.plugins_manager import AirflowPlugin

from stack.airflow_doors import LimitedSignIn, WithHeaders


class Doors(AirflowPlugin):  # type: ignore[misc] # types are checked where there is no Airflow
    """The last is the outermost: a refused sign-in has the headers too."""

    name = "doors"
    fastapi_root_middlewares: ClassVar = [
        {"name": "limited sign-in", "middleware": LimitedSignIn},
        {"name": "headers", "middleware": WithHeaders},
    ]
