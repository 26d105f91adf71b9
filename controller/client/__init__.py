"""The controller's client for notebooks, scripts, the command line and the demo.

from controller.client import Client

client = Client("http://127.0.0.1:8100")
job = client.submit({"workload": {...}, "variants": [...], "device": {"name": "nano-1"}})
for view in client.watch(job.id):
    print(view.state, view.progress.runs_done)
table = client.results(model="resnet18", metric="backward")      # a pandas DataFrame
"""

from controller.client.connection import DEFAULT_URL
from controller.client.errors import ControllerError, ControllerUnreachableError
from controller.client.rest import Client, PictureFormat, ReportFormat, TableFormat

__all__ = [
    "DEFAULT_URL",
    "Client",
    "ControllerError",
    "ControllerUnreachableError",
    "PictureFormat",
    "ReportFormat",
    "TableFormat",
]
