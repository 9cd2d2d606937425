"""Ticks: what is due is started in processes of their own, at once; silence is noticed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agile_classifier.environment import home
from agile_classifier.ops.engines.stacks import StackFile
from agile_classifier.ops.project import COMMAND, PROJECT
from agile_classifier.ops.scheduling import clock, crontab, local, runs
from agile_classifier.ops.scheduling.schedule import Schedule
from agile_classifier.ops.scheduling.schedulers import Wanted, apply, list_schedules

HERE = StackFile.model_validate({"name": "local"})
